package rawtx

import (
	"context"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
	"github.com/cairn-chain/cairn/wallet/descriptor"
)

// Output descriptors (BIP380). Package descriptor reads them; here are the methods and how parameters name them.

func descriptorMethods() []chainjson.Method {
	return []chainjson.Method{
		{Name: "getdescriptorinfo", Topic: chainjson.TopicUtil, Help: "Analyses a descriptor.",
			Params: []jsonrpc.Param{jsonrpc.Required("descriptor", jsonrpc.TypeString, "The descriptor.")}, Result: "{...}    (json object) descriptor, without private keys; checksum, of the input; isrange, issolvable, hasprivatekeys",
			Example: `"wpkh(0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798)"`, Run: getDescriptorInfo},
		{Name: "deriveaddresses", Topic: chainjson.TopicUtil, Help: "Derives the addresses that a descriptor stands for.",
			Params: []jsonrpc.Param{jsonrpc.Required("descriptor", jsonrpc.TypeString, "The descriptor, with its checksum."), jsonrpc.Optional("range", jsonrpc.TypeAny, "", "If a ranged descriptor is used, this specifies the end or the range (in [begin,end] notation) to derive.")},
			Result: `["str",...]    (json array) the derived addresses`, Example: `"addr(bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080)#8pk5s7ya"`, Run: deriveAddresses},
	}
}

func getDescriptorInfo(_ context.Context, c *chainjson.Call) (any, error) {
	d, err := c.Descriptor(c.Str(0))
	if err != nil {
		return nil, err
	}
	body, err := descriptor.CutChecksum(c.Str(0), false)
	if err != nil {
		return nil, err
	}
	sum, _ := descriptor.Checksum(body)
	return jsonrpc.Obj("descriptor", d.Text(), "checksum", sum, "isrange", d.Ranged(), "issolvable", d.Solvable(), "hasprivatekeys", d.Private()), nil
}

func deriveAddresses(_ context.Context, c *chainjson.Call) (any, error) {
	d, err := descriptor.Parse(c.Node.Params(), c.Str(0), true)
	if err != nil {
		return nil, jsonrpc.Fail(jsonrpc.CodeNotFound, "%s", err)
	}
	begin, end := int64(0), int64(0)
	switch {
	case d.Ranged() && !c.Given(1):
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Range must be specified for a ranged descriptor")
	case !d.Ranged() && c.Given(1):
		return nil, jsonrpc.Fail(jsonrpc.CodeInvalidParameter, "Range should not be specified for an un-ranged descriptor")
	case c.Given(1):
		if begin, end, err = chainjson.AsRange(c.Args[1]); err != nil {
			return nil, err
		}
	}
	list := []string{}
	for i := begin; i <= end; i++ {
		outs, err := d.At(uint32(i))
		if err != nil {
			return nil, jsonrpc.Fail(jsonrpc.CodeNotFound, "Cannot derive script without private keys")
		}
		for _, out := range outs {
			address, ok := script.EncodeAddress(c.Node.Params().Addresses(), out.Script)
			if !ok && len(outs) == 1 {
				return nil, jsonrpc.Fail(jsonrpc.CodeNotFound, "Descriptor does not have a corresponding address")
			}
			if ok {
				list = append(list, address)
			}
		}
	}
	return list, nil
}
