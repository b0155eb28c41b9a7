package rpc

// entryFields describes a transaction of the mempool as getmempoolentry does.
func entryFields(e MempoolEntry) fields {
	return obj(
		"vsize", e.VSize,
		"weight", e.Tx.Weight(),
		"time", e.Time.Unix(),
		"height", e.Height,
		"descendantcount", e.Descendants.Count,
		"descendantsize", e.Descendants.VSize,
		"ancestorcount", e.Ancestors.Count,
		"ancestorsize", e.Ancestors.VSize,
		"wtxid", e.Tx.WitnessID(),
		"fees", obj("base", Amount(e.Fee), "modified", Amount(e.ModifiedFee), "ancestor", Amount(e.Ancestors.Fees), "descendant", Amount(e.Descendants.Fees)),
		"depends", hashes(e.Depends),
		"spentby", hashes(e.SpentBy),
		"bip125-replaceable", e.Replaceable,
		"unbroadcast", e.Unbroadcast,
	)
}
