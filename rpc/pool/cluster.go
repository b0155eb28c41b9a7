package pool

import (
	"context"

	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

func clusterMethods() []chainjson.Method {
	return []chainjson.Method{
		{Name: "getmempoolcluster", Topic: chainjson.TopicBlockchain, Help: "Returns mempool data for given cluster: all that a transaction is connected with by spending, in the order in which it is mined.",
			Params: []jsonrpc.Param{jsonrpc.Required("txid", jsonrpc.TypeHex, "The txid of a transaction in the cluster")},
			Result: "{...}    (json object) clusterweight, txcount, chunks [chunkfee, chunkweight, txs]", Example: exampleTxID, Run: getMempoolCluster},
		{Name: "getmempoolfeeratediagram", Topic: chainjson.TopicBlockchain, Help: "Returns the feerate diagram for the whole mempool: the fees that so much weight of the best chunks pays.",
			Result: "[{...}]    (json array) weight and fee, both cumulative, from 0 on", Run: getMempoolFeerateDiagram},
	}
}

func getMempoolCluster(_ context.Context, c *chainjson.Call) (any, error) {
	id, err := c.Hash(0)
	if err != nil {
		return nil, err
	}
	chunks, ok := c.Mempool.Cluster(id)
	if !ok {
		return nil, jsonrpc.Fail(jsonrpc.CodeNotFound, "Transaction not in mempool")
	}
	var weight int64
	count, list := 0, make([]jsonrpc.Fields, len(chunks))
	for i, chunk := range chunks {
		weight, count = weight+chunk.Weight, count+len(chunk.Txs)
		list[i] = jsonrpc.Obj("chunkfee", chainjson.Amount(chunk.Fee), "chunkweight", chunk.Weight, "txs", chainjson.Hashes(chunk.Txs))
	}
	return jsonrpc.Obj("clusterweight", weight, "txcount", count, "chunks", list), nil
}

func getMempoolFeerateDiagram(_ context.Context, c *chainjson.Call) (any, error) {
	list := []jsonrpc.Fields{jsonrpc.Obj("weight", 0, "fee", chainjson.Amount(0))}
	var weight, fee int64
	for _, chunk := range c.Mempool.Chunks() {
		weight, fee = weight+chunk.Weight, fee+chunk.Fee
		list = append(list, jsonrpc.Obj("weight", weight, "fee", chainjson.Amount(fee)))
	}
	return list, nil
}
