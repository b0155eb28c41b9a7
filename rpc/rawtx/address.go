package rawtx

import (
	"context"
	"encoding/hex"

	"github.com/cairn-chain/cairn/consensus/script"
	"github.com/cairn-chain/cairn/rpc/chainjson"
	"github.com/cairn-chain/cairn/rpc/jsonrpc"
)

func addressMethods() []chainjson.Method {
	return []chainjson.Method{
		{Name: "validateaddress", Topic: chainjson.TopicUtil, Help: "Return information about the given address.",
			Params: []jsonrpc.Param{jsonrpc.Required("address", jsonrpc.TypeString, "The address to validate")},
			Result: "{...}    (json object) isvalid, address, scriptPubKey, isscript, iswitness, witness_version, witness_program; error_locations and error if it is not valid", Example: `"bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"`, Run: validateAddress},
	}
}

func validateAddress(_ context.Context, c *chainjson.Call) (any, error) {
	params := c.Node.Params().Addresses()
	lock, err := script.DecodeAddress(params, c.Str(0))
	if err != nil {
		return jsonrpc.Obj("isvalid", false, "error_locations", []any{}, "error", err.Error()), nil
	}
	address, ok := script.EncodeAddress(params, lock)
	if !ok {
		address = c.Str(0)
	}
	class, _ := script.Classify(lock)
	version, program, witness := script.WitnessProgram(lock)
	f := jsonrpc.Obj("isvalid", true, "address", address, "scriptPubKey", hex.EncodeToString(lock),
		"isscript", class == script.ScriptHash || class == script.WitnessScriptHash || class == script.Taproot, "iswitness", witness)
	if witness {
		f.Add("witness_version", version)
		f.Add("witness_program", hex.EncodeToString(program))
	}
	return f, nil
}
