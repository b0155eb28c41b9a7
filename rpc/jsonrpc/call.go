package jsonrpc

import (
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// Call is one call of a method: its parameters, checked against the table.
type Call struct {
	server *Server
	method *Method[*Call]
	Args   []any // one a parameter of the method; nil if it was left out
}

// ParamName is the name of parameter i, for people.
func (c *Call) ParamName(i int) string { return c.method.Params[i].names()[0] }

// UsageError is what a call gets that nobody could have meant: the help text of its method.
func (c *Call) UsageError(code int) *Error { return Fail(code, "%s", c.method.helpText()) }

// Help is the help text of a method by its name, or the list of all for none; false for an unknown one.
func (c *Call) Help(name string) (string, bool) {
	if name == "" {
		return helpAll(c.server.methods), true
	}
	if m := c.server.byName[name]; m != nil {
		return m.helpText(), true
	}
	return "", false
}

// Active lists the calls under way, oldest first: method, and duration in microseconds.
func (c *Call) Active() []Fields { return c.server.activeJobs() }

// bind puts params, an array or an object or nothing, into the order of the table and checks number
// and types.
func bind(m *Method[*Call], params any) ([]any, error) {
	var positional []any
	switch p := params.(type) {
	case nil:
	case []any:
		positional = p
	case *Object:
		var err error
		if positional, err = byPosition(m, p); err != nil {
			return nil, err
		}
	default:
		return nil, Fail(CodeInvalidRequest, "Params must be an array or object")
	}
	least := 0
	for i := range m.Params {
		if m.Params[i].Required {
			least = i + 1
		}
	}
	if len(positional) > len(m.Params) || len(positional) < least {
		return nil, Fail(CodeMisc, "%s", m.helpText())
	}
	args := make([]any, len(m.Params))
	copy(args, positional)
	return args, checkTypes(m, args)
}

// byPosition resolves named parameters; those under "args" are positional and come first.
func byPosition(m *Method[*Call], named *Object) ([]any, error) {
	var args []any
	if list, ok := named.Get("args").([]any); ok && !hasParam(m, "args") {
		args = slices.Clone(list)
	}
	if len(args) > len(m.Params) {
		return nil, Fail(CodeMisc, "%s", m.helpText())
	}
	given := len(args)
	for _, key := range named.Keys {
		if _, ok := named.Get(key).([]any); ok && key == "args" && !hasParam(m, "args") {
			continue
		}
		i := slices.IndexFunc(m.Params, func(p Param) bool { return slices.Contains(p.names(), key) })
		switch {
		case i < 0:
			return nil, Fail(CodeInvalidParameter, "Unknown named parameter %s", key)
		case i < given:
			return nil, Fail(CodeInvalidParameter, "Parameter %s specified twice both as positional and named argument", key)
		case i < len(args) && args[i] != nil:
			return nil, Fail(CodeInvalidParameter, "Parameter %s specified multiple times", key)
		}
		for len(args) <= i {
			args = append(args, nil)
		}
		args[i] = named.Get(key)
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
	return Fail(CodeType, "Wrong type passed:\n{\n%s\n}", strings.Join(wrong, ",\n"))
}

// WrongType is what a nested value of a wrong type gets.
func WrongType(v any, want string) error {
	return Fail(CodeType, "JSON value of type %s is not of expected type %s", typeName(v), want)
}

// Given tells whether parameter i was passed and not null.
func (c *Call) Given(i int) bool { return c.Args[i] != nil }

// Str returns parameter i, a string by the table, or "".
func (c *Call) Str(i int) string { return c.StrOr(i, "") }

func (c *Call) StrOr(i int, def string) string {
	if s, ok := c.Args[i].(string); ok {
		return s
	}
	return def
}

func (c *Call) BoolOr(i int, def bool) bool {
	if b, ok := c.Args[i].(bool); ok {
		return b
	}
	return def
}

// Num returns parameter i as an integer, def if it was left out.
func (c *Call) Num(i int, def int64) (int64, error) {
	if c.Args[i] == nil {
		return def, nil
	}
	return AsInt(c.Args[i])
}

// Num32 is num for values that must fit 32 bits.
func (c *Call) Num32(i int, def int32) (int32, error) {
	n, err := c.Num(i, int64(def))
	if err == nil && int64(int32(n)) != n {
		err = ErrIntRange
	}
	return int32(n), err
}

// FlagOrNum reads a parameter that used to be a boolean and is a number now.
func (c *Call) FlagOrNum(i int, def int64) (int64, error) {
	switch v := c.Args[i].(type) {
	case nil:
		return def, nil
	case bool:
		if v {
			return 1, nil
		}
		return 0, nil
	default:
		return AsInt(v)
	}
}

// ErrIntRange is what Core says of a number that is no integer in range.
var ErrIntRange = Fail(CodeMisc, "JSON integer out of range")

func AsInt(v any) (int64, error) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, WrongType(v, "number")
	}
	i, err := strconv.ParseInt(n.String(), 10, 64)
	if err != nil {
		return 0, ErrIntRange
	}
	return i, nil
}

func AsFloat(v any) (float64, error) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, WrongType(v, "number")
	}
	return n.Float64()
}

func AsString(v any) (string, error) {
	s, ok := v.(string)
	if !ok {
		return "", WrongType(v, "string")
	}
	return s, nil
}

func AsObject(v any) (*Object, error) {
	o, ok := v.(*Object)
	if !ok {
		return nil, WrongType(v, "object")
	}
	return o, nil
}

// List returns parameter i, an array by the table, or nil.
func (c *Call) List(i int) []any {
	a, _ := c.Args[i].([]any)
	return a
}

// Clip shortens what a caller sent before it is repeated in an error.
func Clip(s string) string {
	if len(s) > 128 {
		return s[:128] + "..."
	}
	return s
}

// AsHex reads hexadecimal bytes; name is the parameter's in the error.
func AsHex(v any, name string) ([]byte, error) {
	s, err := AsString(v)
	if err != nil {
		return nil, err
	}
	raw, err := hex.DecodeString(s)
	if err != nil {
		return nil, Fail(CodeInvalidParameter, "%s must be hexadecimal string (not '%s')", name, Clip(s))
	}
	return raw, nil
}
