package rpc

import "context"

func clusterMethods() []apiMethod {
	return []apiMethod{
		{Name: "getmempoolcluster", Topic: topicBlockchain, Help: "Returns mempool data for given cluster: all that a transaction is connected with by spending, in the order in which it is mined.",
			Params: []Param{required("txid", TypeHex, "The txid of a transaction in the cluster")},
			Result: "{...}    (json object) clusterweight, txcount, chunks [chunkfee, chunkweight, txs]", Example: exampleTxID, Run: getMempoolCluster},
		{Name: "getmempoolfeeratediagram", Topic: topicBlockchain, Help: "Returns the feerate diagram for the whole mempool: the fees that so much weight of the best chunks pays.",
			Result: "[{...}]    (json array) weight and fee, both cumulative, from 0 on", Run: getMempoolFeerateDiagram},
	}
}

func getMempoolCluster(_ context.Context, c *call) (any, error) {
	id, err := c.hash(0)
	if err != nil {
		return nil, err
	}
	chunks, ok := c.Mempool.Cluster(id)
	if !ok {
		return nil, fail(CodeNotFound, "Transaction not in mempool")
	}
	var weight int64
	count, list := 0, make([]fields, len(chunks))
	for i, chunk := range chunks {
		weight, count = weight+chunk.Weight, count+len(chunk.Txs)
		list[i] = obj("chunkfee", Amount(chunk.Fee), "chunkweight", chunk.Weight, "txs", hashes(chunk.Txs))
	}
	return obj("clusterweight", weight, "txcount", count, "chunks", list), nil
}

func getMempoolFeerateDiagram(_ context.Context, c *call) (any, error) {
	list := []fields{obj("weight", 0, "fee", Amount(0))}
	var weight, fee int64
	for _, chunk := range c.Mempool.Chunks() {
		weight, fee = weight+chunk.Weight, fee+chunk.Fee
		list = append(list, obj("weight", weight, "fee", Amount(fee)))
	}
	return list, nil
}
