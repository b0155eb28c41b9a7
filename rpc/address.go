package rpc

import (
	"context"
	"encoding/hex"

	"github.com/cairn-chain/cairn/consensus/script"
)

func addressMethods() []apiMethod {
	return []apiMethod{
		{Name: "validateaddress", Topic: topicUtil, Help: "Return information about the given address.",
			Params: []Param{required("address", TypeString, "The address to validate")},
			Result: "{...}    (json object) isvalid, address, scriptPubKey, isscript, iswitness, witness_version, witness_program; error_locations and error if it is not valid", Example: `"bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080"`, Run: validateAddress},
	}
}

func validateAddress(_ context.Context, c *call) (any, error) {
	params := c.Node.Params().Addresses()
	lock, err := script.DecodeAddress(params, c.str(0))
	if err != nil {
		return obj("isvalid", false, "error_locations", []any{}, "error", err.Error()), nil
	}
	address, ok := script.EncodeAddress(params, lock)
	if !ok {
		address = c.str(0)
	}
	class, _ := script.Classify(lock)
	version, program, witness := script.WitnessProgram(lock)
	f := obj("isvalid", true, "address", address, "scriptPubKey", hex.EncodeToString(lock),
		"isscript", class == script.ScriptHash || class == script.WitnessScriptHash || class == script.Taproot, "iswitness", witness)
	if witness {
		f.add("witness_version", version)
		f.add("witness_program", hex.EncodeToString(program))
	}
	return f, nil
}
