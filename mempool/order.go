package mempool

// order is a heap of all entries, the one to evict first at its top: the lowest feerate, where an entry counts
// with its descendants if they pay more than it does, among equals the latest. Each entry knows its place, which also serves
// as a dense number for Select.
type order []*entry

func evictBefore(a, b *entry) bool {
	aFee, aSize := evictionScore(a)
	bFee, bSize := evictionScore(b)
	if c := cmpRate(aFee, aSize, bFee, bSize); c != 0 {
		return c < 0
	}
	return a.seq > b.seq
}

// evictionScore is the feerate of e alone or with its descendants, whichever is higher.
func evictionScore(e *entry) (fee, size int64) {
	if cmpRate(e.modified(), e.vsize, e.desc.fees, e.desc.size) > 0 {
		return e.modified(), e.vsize
	}
	return e.desc.fees, e.desc.size
}

func (o order) swap(i, j int) {
	o[i], o[j] = o[j], o[i]
	o[i].pos, o[j].pos = i, j
}

func (o order) up(i int) bool {
	start := i
	for i > 0 && evictBefore(o[i], o[(i-1)/2]) {
		o.swap(i, (i-1)/2)
		i = (i - 1) / 2
	}
	return i != start
}

func (o order) down(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(o); child++ {
			if evictBefore(o[child], o[least]) {
				least = child
			}
		}
		if least == i {
			return
		}
		o.swap(i, least)
		i = least
	}
}

// fix restores the order after e's sums changed.
func (o order) fix(e *entry) {
	if !o.up(e.pos) {
		o.down(e.pos)
	}
}

func (o *order) push(e *entry) {
	e.pos = len(*o)
	*o = append(*o, e)
	o.up(e.pos)
}

func (o *order) remove(e *entry) {
	i, last := e.pos, len(*o)-1
	if i != last {
		o.swap(i, last)
	}
	(*o)[last] = nil
	*o = (*o)[:last]
	if i != last {
		o.fix((*o)[i])
	}
}
