package rawtx

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/wallet/descriptor"
)

func multisigMethods() []chainjson.Method {
	return []chainjson.Method{
		{Name: "createmultisig", Topic: chainjson.TopicUtil, Help: "Creates a multi-signature address with n signatures of m keys required, and what is needed to spend from it.",
			Params: []jsonrpc.Param{jsonrpc.Required("nrequired", jsonrpc.TypeNumber, "The number of required signatures out of the n keys."), jsonrpc.Required("keys", jsonrpc.TypeArray, "The hex-encoded public keys."),
				jsonrpc.Optional("address_type", jsonrpc.TypeString, "legacy", `"legacy", "p2sh-segwit", or "bech32".`)},
			Result: "{...}    (json object) address, redeemScript, descriptor, warnings", Example: `2 '["03789ed0bb717d88f7d321a368d905e7430207ebbd82bd342cf11ae157a7ace5fd","03dbc6764b8884a92e871274b87583e6d5c2a58819473e17e107ef3f6aa5a61626"]'`, Run: createMultisig},
	}
}

func createMultisig(_ context.Context, c *chainjson.Call) (any, error) {
	need, err := c.Num32(0, 0)
	if err != nil {
		return nil, err
	}
	keys, uncompressed, err := publicKeys(c.List(1))
	if err != nil {
		return nil, err
	}
	form, warnings := "sh(%)", []string{}
	switch kind := c.StrOr(2, "legacy"); kind {
	case "legacy":
	case "p2sh-segwit":
		form = "sh(wsh(%))"
	case "bech32":
		form = "wsh(%)"
	case "bech32m":
		return nil, jsonrpc.Fail(jsonrpc.CodeNotFound, "createmultisig cannot create bech32m multisig addresses")
	default:
		return nil, jsonrpc.Fail(jsonrpc.CodeNotFound, "Unknown address type '%s'", jsonrpc.Clip(kind))
	}
	if uncompressed && form != "sh(%)" {
		form = "sh(%)"
		warnings = append(warnings, "Unable to make chosen address type, please ensure no uncompressed public keys are present.")
	}
	switch {
	case need < 1:
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "a multisignature address must require at least one key to redeem")
	case len(keys) < int(need):
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "not enough keys supplied (got %d keys, but need at least %d to redeem)", len(keys), need)
	case len(keys) > script.MaxPubKeysMultiSig:
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Number of keys involved in the multisignature address creation > %d\nReduce the number", script.MaxPubKeysMultiSig)
	}
	inner := "multi(" + strconv.Itoa(int(need)) + "," + strings.Join(keys, ",") + ")"
	d, err := descriptor.Parse(c.Node.Params(), strings.Replace(form, "%", inner, 1), false)
	if err != nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "%s", err)
	}
	outs, err := d.At(0)
	if err != nil {
		return nil, err
	}
	address, _ := script.EncodeAddress(c.Node.Params().Addresses(), outs[0].Script)
	redeem := outs[0].WitnessScript
	if redeem == nil {
		redeem = outs[0].RedeemScript
	}
	f := jsonrpc.Obj("address", address, "redeemScript", hex.EncodeToString(redeem), "descriptor", d.Text())
	if len(warnings) > 0 {
		f.Add("warnings", warnings)
	}
	return f, nil
}

// publicKeys reads hex-encoded public keys.
func publicKeys(list []any) (keys []string, uncompressed bool, err error) {
	for _, v := range list {
		text, err := jsonrpc.AsString(v)
		if err != nil {
			return nil, false, err
		}
		raw, err := hex.DecodeString(text)
		if err != nil || len(raw) != 33 && len(raw) != 65 {
			return nil, false, jsonrpc.Fail(jsonrpc.CodeNotFound, "Pubkey \"%s\" must have a length of either 33 or 65 bytes", jsonrpc.Clip(text))
		}
		keys, uncompressed = append(keys, text), uncompressed || len(raw) == 65
	}
	return keys, uncompressed, nil
}
