"""Drives a regtest node by python3-bitcoinlib, and checks what it serves by that library's own serialization.

Arguments: a bitcoin.conf, which says where the node and its cookie are.
"""

import sys
import threading
import time
import urllib.request

import bitcoin
from bitcoin.core import (COIN, CBlock, CheckBlock, CMutableTransaction, CMutableTxIn, CMutableTxOut, COutPoint, CTransaction,
                          CTxIn, CTxInWitness, CTxOut, CTxWitness, Hash, b2lx, b2x, lx, x)
from bitcoin.core.script import (OP_0, OP_RETURN, OP_TRUE, SIGHASH_ALL, SIGVERSION_WITNESS_V0, CScript, CScriptWitness, Hash160,
                                 SignatureHash)
from bitcoin.rpc import JSONRPCError, Proxy, VerifyError, VerifyRejectedError
from bitcoin.wallet import CBitcoinAddress, CBitcoinSecret, P2PKHBitcoinAddress

bitcoin.SelectParams('regtest')
KEY = CBitcoinSecret.from_secret_bytes(b'\x01' * 32)
LOCK = CScript([OP_0, Hash160(KEY.pub)])
FEE = 10000


def step(name):
    print('ok ' + name, flush=True)


def refused(kind, code, text, call, *args):
    try:
        call(*args)
    except kind as e:
        if isinstance(e, JSONRPCError):
            assert e.error['code'] == code, e
        assert text in str(e), e
        return
    raise AssertionError('%r was not refused' % (args,))


def rest(url, path):
    with urllib.request.urlopen(url + '/rest/' + path) as reply:
        return reply.read()


def spend(coin, value, lock):
    """Signs by the library a transaction of one witness output."""
    tx = CMutableTransaction([CMutableTxIn(coin)], [CMutableTxOut(value - FEE, lock)], nVersion=2)
    code = P2PKHBitcoinAddress.from_pubkey(KEY.pub).to_scriptPubKey()
    digest = SignatureHash(code, tx, 0, SIGHASH_ALL, amount=value, sigversion=SIGVERSION_WITNESS_V0)
    tx.wit = CTxWitness([CTxInWitness(CScriptWitness([KEY.sign(digest) + bytes([SIGHASH_ALL]), KEY.pub]))])
    return CTransaction.from_tx(tx)


def check_blocks(node, url):
    """Every block, by RPC and by REST, is what the library makes of it: bytes, hash, merkle roots, work."""
    blocks = []
    for height in range(node.getblockcount() + 1):
        hash = node.getblockhash(height)
        block = node.getblock(hash)
        raw = rest(url, 'block/%s.bin' % b2lx(hash))
        assert block.serialize() == raw and block.GetHash() == hash, height
        assert block.calc_merkle_root() == block.hashMerkleRoot, height
        assert CBlock.deserialize(raw) == block
        CheckBlock(block, cur_time=int(time.time()) + 7200)
        header = node.getblockheader(hash)
        assert header.serialize() == raw[:80] and node.getblockheader(hash, True)['height'] == height
        shown = node.call('getblock', b2lx(hash), 2)
        assert [t['txid'] for t in shown['tx']] == [b2lx(t.GetTxid()) for t in block.vtx]
        assert shown['size'] == len(raw) and shown['weight'] == block.GetWeight()
        assert shown['merkleroot'] == b2lx(block.hashMerkleRoot)
        blocks.append(block)
    return blocks


def mine(template):
    """Builds a template's block by the library and finds its nonce."""
    txs = [CTransaction.deserialize(x(t['data'])) for t in template['transactions']]
    coinbase = CMutableTransaction(
        [CTxIn(COutPoint(), CScript([template['height'], 0]))],
        [CTxOut(template['coinbasevalue'], CScript([OP_TRUE])), CTxOut(0, CScript(x(template['default_witness_commitment'])))], nVersion=2)
    coinbase.wit = CTxWitness([CTxInWitness(CScriptWitness([b'\x00' * 32]))])
    txs.insert(0, CTransaction.from_tx(coinbase))
    target = int(template['target'], 16)
    root = CBlock.build_merkle_tree_from_txs(txs)[-1]
    for nonce in range(1 << 32):
        block = CBlock(template['version'], lx(template['previousblockhash']), root, template['curtime'], int(template['bits'], 16), nonce, txs)
        if int(b2lx(block.GetHash()), 16) <= target:
            return block
    raise AssertionError('no nonce')


def main():
    conf = sys.argv[1]
    node = Proxy(btc_conf_file=conf)
    settings = dict(line.strip().split('=', 1) for line in open(conf))
    url = 'http://%s:%s' % (settings['rpcconnect'], settings['rpcport'])
    assert node.getblock(node.getblockhash(0)) == bitcoin.params.GENESIS_BLOCK
    assert node.call('getblockchaininfo')['chain'] == 'regtest'
    refused(IndexError, 0, 'getblockhash', node.getblockhash, 9999)
    refused(IndexError, 0, 'Block not found', node.getblock, b'\x07' * 32)
    step('answers')

    address = str(CBitcoinAddress.from_scriptPubKey(LOCK))
    hashes = list(node.generatetoaddress(103, address))
    assert node.getblockcount() == 103 and node.getbestblockhash() == hashes[-1]
    blocks = check_blocks(node, url)
    step('mines')

    coinbase = blocks[1].vtx[0]
    assert coinbase.vout[0].scriptPubKey == LOCK
    coin = COutPoint(coinbase.GetTxid(), 0)
    tx = spend(coin, coinbase.vout[0].nValue, LOCK)
    [verdict] = node.call('testmempoolaccept', [b2x(tx.serialize())])
    assert verdict['allowed'] and verdict['txid'] == b2lx(tx.GetTxid()) and verdict['wtxid'] == b2lx(tx.GetHash())
    assert int(verdict['fees']['base'] * COIN) == FEE
    assert node.sendrawtransaction(tx) == tx.GetTxid()
    assert node.getrawmempool() == [tx.GetTxid()]
    assert node.getrawtransaction(tx.GetTxid()) == tx
    assert CTransaction.deserialize(rest(url, 'tx/%s.bin' % b2lx(tx.GetTxid()))) == tx
    flipped = CMutableTransaction.from_tx(tx)
    flipped.vout[0].nValue -= FEE  # pays enough to replace, but is not signed
    refused(VerifyRejectedError, -26, 'mandatory-script-verify-flag-failed', node.sendrawtransaction, flipped)
    lost = CMutableTransaction.from_tx(tx)
    lost.vin[0].prevout = COutPoint(b'\x05' * 32, 0)
    refused(VerifyError, -25, 'bad-txns-inputs-missingorspent', node.sendrawtransaction, lost)
    step('sends')

    found = []
    waiting = threading.Thread(target=lambda: found.append(Proxy(btc_conf_file=conf).call('waitforblockheight', 104, 20000)))
    waiting.start()
    [confirming] = node.generatetoaddress(1, address)
    waiting.join()
    assert lx(found[0]['hash']) == confirming and found[0]['height'] == 104
    shown = node.getrawtransaction(tx.GetTxid(), True)
    assert shown['confirmations'] == 1 and shown['blockhash'] == confirming and shown['tx'] == tx
    assert node.gettxout(COutPoint(tx.GetTxid(), 0))['txout'] == tx.vout[0]
    refused(IndexError, 0, 'not found', node.gettxout, coin)
    assert tx in node.getblock(confirming).vtx
    step('watches a confirmation')

    node.call('syncwithvalidationinterfacequeue')
    assert all(i['synced'] for i in node.call('getindexinfo').values())
    [spender] = node.call('gettxspendingprevout', [{'txid': b2lx(coin.hash), 'vout': 0}])
    assert spender['spendingtxid'] == b2lx(tx.GetTxid())
    assert b2lx(tx.GetTxid()) in [e['txid'] for e in node.call('getaddresshistory', address, 200)['history']]
    header = bytes(32)
    for height in range(node.getblockcount() + 1):
        got = node.call('getblockfilter', b2lx(node.getblockhash(height)))
        header = Hash(Hash(x(got['filter'])) + header)
        assert b2lx(header) == got['header'], height
    spent = rest(url, 'spenttxouts/%s.bin' % b2lx(confirming))
    assert spent == b'\x02\x00\x01' + coinbase.vout[0].serialize()
    step('asks every index')

    node.call('invalidateblock', b2lx(confirming))
    assert node.getblockcount() == 103 and node.getrawmempool() == [tx.GetTxid()]
    again = list(node.generatetoaddress(2, address))
    node.call('reconsiderblock', b2lx(confirming))
    assert node.getbestblockhash() == again[1] != confirming
    assert node.getrawtransaction(tx.GetTxid(), True)['blockhash'] == again[0]
    assert tx in node.getblock(again[0]).vtx
    step('reorganizes')

    second = spend(COutPoint(blocks[2].vtx[0].GetTxid(), 0), blocks[2].vtx[0].vout[0].nValue, LOCK)
    node.sendrawtransaction(second)
    template = node.call('getblocktemplate', {'rules': ['segwit']})
    block = mine(template)
    assert block.vtx[1] == second and len(block.vtx) == 2
    CheckBlock(block)
    assert node.call('submitblock', b2x(block.serialize())) is None
    assert node.getbestblockhash() == block.GetHash() and node.getblock(block.GetHash()) == block
    assert node.call('submitblock', b2x(block.serialize())) == 'duplicate'
    refused(JSONRPCError, -22, 'Block decode failed', node.call, 'submitblock', '00')
    step('mines on a template')
    check_blocks(node, url)
    print('done')


main()
