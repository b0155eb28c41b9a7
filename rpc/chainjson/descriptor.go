package chainjson

import (
	"encoding/hex"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/wallet/descriptor"
)

// Descriptor reads a descriptor that may have a checksum.
func (c *Call) Descriptor(text string) (*descriptor.Descriptor, error) {
	d, err := descriptor.Parse(c.Node.Params(), text, false)
	if err != nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeNotFound, "%s", err)
	}
	return d, nil
}

// Outputs reads a descriptor that stands for outputs as it is, without an index: one, or four of a combo.
func (c *Call) Outputs(text string) ([]descriptor.Output, error) {
	d, err := c.Descriptor(text)
	if err != nil {
		return nil, err
	}
	if d.Ranged() {
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Ranged descriptor not accepted. Maybe pass through deriveaddresses first?")
	}
	outs, err := d.At(0)
	if err != nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeNotFound, "Cannot derive script without private keys")
	}
	return outs, nil
}

// MainScript reads a descriptor that is to be paid: of a combo it is the witness script.
func (c *Call) MainScript(text string) ([]byte, error) {
	outs, err := c.Outputs(text)
	if err != nil {
		return nil, err
	}
	return outs[len(outs)/2].Script, nil
}

// maxRange bounds how many indexes one call derives.
const maxRange = 1_000_000

// AsRange reads END or [BEGIN,END].
func AsRange(v any) (begin, end int64, err error) {
	switch v := v.(type) {
	case []any:
		if len(v) != 2 {
			return 0, 0, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Range must have exactly two elements, the start and the end")
		}
		if begin, err = jsonrpc.AsInt(v[0]); err != nil {
			return 0, 0, err
		}
		if end, err = jsonrpc.AsInt(v[1]); err != nil {
			return 0, 0, err
		}
	default:
		if end, err = jsonrpc.AsInt(v); err != nil {
			return 0, 0, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Range must be specified as end or as [begin,end]")
		}
	}
	switch {
	case begin > end:
		return 0, 0, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Range specified as [begin,end] must not have begin after end")
	case begin < 0:
		return 0, 0, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Range should be greater or equal than 0")
	case end > descriptor.MaxIndex:
		return 0, 0, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "End of range is too high")
	case end >= begin+maxRange:
		return 0, 0, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Range is too large")
	}
	return begin, end, nil
}

// defaultRange is the last index that is looked at if a scan object names none.
const defaultRange = 1000

// ScanObject reads a descriptor, or an object with desc and range, and returns what it stands for.
func (c *Call) ScanObject(v any) (*descriptor.Descriptor, []descriptor.Output, error) {
	begin, end := int64(0), int64(defaultRange)
	if o, ok := v.(*jsonrpc.Object); ok {
		if o.Get("range") != nil {
			var err error
			if begin, end, err = AsRange(o.Get("range")); err != nil {
				return nil, nil, err
			}
		}
		v = o.Get("desc")
	}
	text, ok := v.(string)
	if !ok {
		return nil, nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Scan object needs to be either a string or an object")
	}
	d, err := c.Descriptor(text)
	if err != nil {
		return nil, nil, err
	}
	if !d.Ranged() {
		begin, end = 0, 0
	}
	var outs []descriptor.Output
	for i := begin; i <= end; i++ {
		more, err := d.At(uint32(i))
		if err != nil {
			return nil, nil, jsonrpc.Fail(jsonrpc.CodeNotFound, "Cannot derive script without private keys: '%s'", jsonrpc.Clip(text))
		}
		outs = append(outs, more...)
	}
	return d, outs, nil
}

// InferDescriptor names what can be told of a script by itself.
func InferDescriptor(params script.AddressParams, lock []byte) string {
	address, _ := script.EncodeAddress(params, lock)
	return string(appendDescriptor(nil, lock, address))
}

// appendDescriptor is InferDescriptor of a script whose address is known: "" if it has none.
func appendDescriptor(b, lock []byte, address string) []byte {
	from := len(b)
	class, data := script.Classify(lock)
	switch {
	case class == script.Taproot && script.OnCurve([32]byte(data)):
		b = hex.AppendEncode(append(b, "rawtr("...), data)
	case class == script.PubKey:
		b = hex.AppendEncode(append(b, "pk("...), data)
	case address != "":
		b = append(append(b, "addr("...), address...)
	default:
		b = hex.AppendEncode(append(b, "raw("...), lock)
	}
	return descriptor.AppendChecksum(append(b, ')'), from)
}
