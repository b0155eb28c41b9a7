package rpc

import (
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Call is one call of a method: its parameters, checked against the table.
type Call struct {
	server *engine
	method *Method[*Call]
	args   []any // one a parameter of the method; nil if it was left out
}

// paramName is the name of parameter i, for people.
func (c *Call) paramName(i int) string { return c.method.Params[i].names()[0] }

// usageError is what a call gets that nobody could have meant: the help text of its method.
func (c *Call) usageError(code int) *Error { return fail(code, "%s", c.method.helpText()) }

// help is the help text of a method by its name, or the list of all for none; false for an unknown one.
func (c *Call) help(name string) (string, bool) {
	if name == "" {
		return helpAll(c.server.methods), true
	}
	if m := c.server.byName[name]; m != nil {
		return m.helpText(), true
	}
	return "", false
}

// active lists the calls under way, oldest first: method, and duration in microseconds.
func (c *Call) active() []fields { return c.server.activeJobs() }

// bind puts params, an array or an object or nothing, into the order of the table and checks number
// and types.
func bind(m *Method[*Call], params any) ([]any, error) {
	var positional []any
	switch p := params.(type) {
	case nil:
	case []any:
		positional = p
	case *object:
		var err error
		if positional, err = byPosition(m, p); err != nil {
			return nil, err
		}
	default:
		return nil, fail(CodeInvalidRequest, "Params must be an array or object")
	}
	least := 0
	for i := range m.Params {
		if m.Params[i].Required {
			least = i + 1
		}
	}
	if len(positional) > len(m.Params) || len(positional) < least {
		return nil, fail(CodeMisc, "%s", m.helpText())
	}
	args := make([]any, len(m.Params))
	copy(args, positional)
	return args, checkTypes(m, args)
}

// byPosition resolves named parameters; those under "args" are positional and come first.
func byPosition(m *Method[*Call], named *object) ([]any, error) {
	var args []any
	if list, ok := named.get("args").([]any); ok && !hasParam(m, "args") {
		args = slices.Clone(list)
	}
	if len(args) > len(m.Params) {
		return nil, fail(CodeMisc, "%s", m.helpText())
	}
	given := len(args)
	for _, key := range named.keys {
		if _, ok := named.get(key).([]any); ok && key == "args" && !hasParam(m, "args") {
			continue
		}
		i := slices.IndexFunc(m.Params, func(p Param) bool { return slices.Contains(p.names(), key) })
		switch {
		case i < 0:
			return nil, fail(CodeInvalidParameter, "Unknown named parameter %s", key)
		case i < given:
			return nil, fail(CodeInvalidParameter, "Parameter %s specified twice both as positional and named argument", key)
		case i < len(args) && args[i] != nil:
			return nil, fail(CodeInvalidParameter, "Parameter %s specified multiple times", key)
		}
		for len(args) <= i {
			args = append(args, nil)
		}
		args[i] = named.get(key)
	}
	return args, nil
}

func hasParam(m *Method[*Call], name string) bool {
	return slices.ContainsFunc(m.Params, func(p Param) bool { return slices.Contains(p.names(), name) })
}

// checkTypes reports all parameters of a wrong type at once, as Core does.
func checkTypes(m *Method[*Call], args []any) error {
	var wrong []string
	for i, v := range args {
		p := &m.Params[i]
		want := p.Type.jsonName()
		if want == "" || v == nil && !p.Required || typeName(v) == want {
			continue
		}
		key := appendString(nil, "Position "+strconv.Itoa(i+1)+" ("+p.names()[0]+")")
		text := "JSON value of type " + typeName(v) + " is not of expected type " + want
		wrong = append(wrong, "    "+string(key)+`: "`+text+`"`)
	}
	if wrong == nil {
		return nil
	}
	return fail(CodeType, "Wrong type passed:\n{\n%s\n}", strings.Join(wrong, ",\n"))
}

// typeError is what a nested value of a wrong type gets.
func typeError(v any, want string) error {
	return fail(CodeType, "JSON value of type %s is not of expected type %s", typeName(v), want)
}

// given tells whether parameter i was passed and not null.
func (c *Call) given(i int) bool { return c.args[i] != nil }

// str returns parameter i, a string by the table, or "".
func (c *Call) str(i int) string { return c.strOr(i, "") }

func (c *Call) strOr(i int, def string) string {
	if s, ok := c.args[i].(string); ok {
		return s
	}
	return def
}

func (c *Call) boolOr(i int, def bool) bool {
	if b, ok := c.args[i].(bool); ok {
		return b
	}
	return def
}

// num returns parameter i as an integer, def if it was left out.
func (c *Call) num(i int, def int64) (int64, error) {
	if c.args[i] == nil {
		return def, nil
	}
	return asInt(c.args[i])
}

// num32 is num for values that must fit 32 bits.
func (c *Call) num32(i int, def int32) (int32, error) {
	n, err := c.num(i, int64(def))
	if err == nil && int64(int32(n)) != n {
		err = errIntRange
	}
	return int32(n), err
}

// flagOrNum reads a parameter that used to be a boolean and is a number now.
func (c *Call) flagOrNum(i int, def int64) (int64, error) {
	switch v := c.args[i].(type) {
	case nil:
		return def, nil
	case bool:
		if v {
			return 1, nil
		}
		return 0, nil
	default:
		return asInt(v)
	}
}

// errIntRange is what Core says of a number that is no integer in range.
var errIntRange = fail(CodeMisc, "JSON integer out of range")

func asInt(v any) (int64, error) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, typeError(v, "number")
	}
	i, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil {
		return 0, errIntRange
	}
	return i, nil
}

func asFloat(v any) (float64, error) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, typeError(v, "number")
	}
	return n.Float64()
}

func asString(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", typeError(v, "string")
	}
	return s, nil
}

func asObject(v any) (*object, error) {
	o, ok := v.(*object)
	if !ok {
		return nil, typeError(v, "object")
	}
	return o, nil
}

// list returns parameter i, an array by the table, or nil.
func (c *Call) list(i int) []any {
	a, _ := c.args[i].([]any)
	return a
}

// clip shortens what a caller sent before it is repeated in an error.
func clip(s string) string {
	if len(s) > 128 {
		return s[:128] + "..."
	}
	return s
}

// asHex reads hexadecimal bytes; name is the parameter's in the error.
func asHex(v any, name string) ([]byte, error) {
	s, err := asString(v)
	if err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(s)
	if err != nil {
		return nil, fail(CodeInvalidParameter, "%s must be hexadecimal string (not '%s')", name, clip(s))
	}
	return raw, nil
}
