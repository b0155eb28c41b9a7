package rpc

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cairn-chain/cairn/rpc/chainjson"
)

// dialectTopic is a part of the dialect: methods of Bitcoin Core 28 to 31, and why those are absent that are not in the table.
type dialectTopic struct {
	name, absent string
	methods      string
}

// notYet is the reason of methods that nothing speaks against.
const notYet = "not written yet"

var dialect = []dialectTopic{
	{chainjson.TopicBlockchain, notYet, `dumptxoutset getbestblockhash getblock getblockchaininfo getblockcount getblockfilter getblockfrompeer getblockhash getblockheader
		getblockstats getchainstates getchaintips getchaintxstats getdeploymentinfo getdescriptoractivity getdifficulty getmempoolancestors getmempoolcluster
		getmempooldescendants getmempoolentry getmempoolfeeratediagram getmempoolinfo getrawmempool gettxout gettxoutproof gettxoutsetinfo
		gettxspendingprevout importmempool invalidateblock loadtxoutset preciousblock pruneblockchain reconsiderblock savemempool scanblocks scantxoutset
		syncwithvalidationinterfacequeue verifychain verifytxoutproof waitforblock waitforblockheight waitfornewblock`},
	{chainjson.TopicControl, notYet, `getmemoryinfo getrpcinfo help logging stop uptime`},
	{chainjson.TopicMining, notYet, `generateblock generatetoaddress generatetodescriptor getblocktemplate getmininginfo getnetworkhashps getprioritisedtransactions
		prioritisetransaction submitblock submitheader`},
	{chainjson.TopicNetwork, notYet, `addconnection addnode addpeeraddress clearbanned disconnectnode getaddednodeinfo getaddrmaninfo getconnectioncount getnettotals
		getnetworkinfo getnodeaddresses getpeerinfo getrawaddrman listbanned ping sendmsgtopeer setban setnetworkactive`},
	{chainjson.TopicRaw, notYet, `analyzepsbt combinepsbt combinerawtransaction converttopsbt createpsbt createrawtransaction decodepsbt decoderawtransaction decodescript
		descriptorprocesspsbt finalizepsbt getorphantxs getrawtransaction joinpsbts sendrawtransaction signrawtransactionwithkey submitpackage
		testmempoolaccept utxoupdatepsbt`},
	{chainjson.TopicUtil, notYet, `createmultisig deriveaddresses echo echojson estimaterawfee estimatesmartfee getdescriptorinfo getindexinfo mockscheduler setmocktime
		signmessagewithprivkey validateaddress verifymessage`},
	{"Zmq", "there is no ZeroMQ; [events](rest.md) tell the same", `getzmqnotifications`},
	{"Wallet and signer", "the node has no wallet ([differences](differences.md), 31); the wallet is a program of its own", `abandontransaction abortrescan
		backupwallet bumpfee createwallet createwalletdescriptor encryptwallet enumeratesigners fundrawtransaction getaddressesbylabel getaddressinfo
		getbalance getbalances gethdkeys getnewaddress getrawchangeaddress getreceivedbyaddress getreceivedbylabel gettransaction getwalletinfo
		importdescriptors importprunedfunds keypoolrefill listaddressgroupings listdescriptors listlabels listlockunspent listreceivedbyaddress
		listreceivedbylabel listsinceblock listtransactions listunspent listwalletdir listwallets loadwallet lockunspent migratewallet psbtbumpfee
		removeprunedfunds rescanblockchain restorewallet send sendall sendmany sendtoaddress setlabel setwalletflag signmessage
		signrawtransactionwithwallet simulaterawtransaction unloadwallet walletcreatefundedpsbt walletdisplayaddress walletlock walletpassphrase
		walletpassphrasechange walletprocesspsbt`},
}

// WriteReference writes the table as a page of Markdown.
func WriteReference(w io.Writer) error {
	var b strings.Builder
	b.WriteString("# RPC methods\n\nMade from the method table of package rpc. `cairn rpc help METHOD` prints the same for one method.\n\n" +
		"Names, parameters, fields and error codes are Bitcoin Core's. Amounts are in coins, with eight decimals. [rest.md](rest.md) has REST and " +
		"events, which are served at the same address.\n")
	all := Methods()
	writeMarks(&b, all)
	topic := ""
	for _, m := range all {
		if m.Topic != topic {
			topic = m.Topic
			fmt.Fprintf(&b, "\n## %s\n", topic)
		}
		b.WriteString(m.Markdown())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeMarks lists the methods of the dialect, each with a mark, and then those that are Cairn's own.
func writeMarks(b *strings.Builder, all []chainjson.Method) {
	own := map[string]bool{}
	for i := range all {
		own[all[i].Name] = true
	}
	present, total := 0, 0
	var list strings.Builder
	for _, t := range dialect {
		list.WriteString("\n" + t.name + ":\n\n")
		var absent []string
		for _, name := range strings.Fields(t.methods) {
			total++
			if !slices.ContainsFunc(all, func(m chainjson.Method) bool { return m.Name == name }) {
				absent = append(absent, "✗ `"+name+"`")
				continue
			}
			present++
			delete(own, name)
			fmt.Fprintf(&list, "✓ [`%s`](#%s)\n", name, name)
		}
		if absent != nil {
			fmt.Fprintf(&list, "%s: %s.\n", strings.Join(absent, "\n"), t.absent)
		}
	}
	fmt.Fprintf(b, "\n## The dialect\n\nThe methods of Bitcoin Core 28 to 31: %d of %d are here (✓), the others are not (✗).\n%s\nCairn's own:\n\n", present, total, &list)
	for i := range all {
		if name := all[i].Name; own[name] {
			fmt.Fprintf(b, "[`%s`](#%s)\n", name, name)
		}
	}
}
