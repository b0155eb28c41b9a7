package jsonrpc

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// Limits on the JSON that comes in.
const (
	maxDepth  = 128     // nested arrays and objects
	maxValues = 200_000 // values in one request of a batch
)

// Object is a JSON object whose keys keep their order. A key that comes twice has its last value.
type Object struct {
	Keys   []string
	Values map[string]any
}

func (o *Object) Get(key string) any { return o.Values[key] }

func (o *Object) Set(key string, v any) {
	if _, ok := o.Values[key]; !ok {
		o.Keys = append(o.Keys, key)
	}
	o.Values[key] = v
}

// Errors of looking through a body before it is taken apart.
var (
	errDepth  = fmt.Errorf("JSON is nested more than %d deep", maxDepth)
	errValues = fmt.Errorf("more than %d values in one request", maxValues)
	errBatch  = fmt.Errorf("more than %d requests in one batch", maxBatch)
)

// splitBody looks through a body once, in constant memory but for the result: it is one JSON text, not
// too deep, and if it is an array then parts are its elements, else its only one. The parts alias body.
func splitBody(body []byte) (parts []json.RawMessage, batch bool, err error) {
	sp := splitter{body: bytes.Trim(body, jsonSpace)}
	if sp.batch = len(sp.body) > 0 && sp.body[0] == '['; sp.batch {
		sp.start = 1
	}
	for i := 0; i < len(sp.body); i++ {
		i += sp.step(i)
		if err := withinLimits(sp.depth, sp.values, len(sp.parts)); err != nil {
			return nil, sp.batch, err
		}
	}
	if !json.Valid(sp.body) {
		return nil, sp.batch, errParse
	}
	end := len(sp.body)
	if sp.batch {
		end--
	}
	sp.cut(end)
	return sp.parts, sp.batch, withinLimits(0, 0, len(sp.parts))
}

// jsonSpace is all white space that JSON knows.
const jsonSpace = " \t\r\n"

// splitter is how far splitBody has come.
type splitter struct {
	body   []byte
	batch  bool
	quoted bool // inside of a string
	depth  int
	start  int // of the part that is being read
	values int // in that part, about
	parts  []json.RawMessage
}

// step looks at the byte at i and tells how many after it to pass over.
func (sp *splitter) step(i int) (skip int) {
	ch := sp.body[i]
	if sp.quoted {
		sp.quoted = ch != '"'
		if ch == '\\' {
			return 1
		}
		return 0
	}
	switch ch {
	case '"':
		sp.quoted = true
	case '[', '{':
		sp.depth++
		sp.values++
	case ']', '}':
		sp.depth--
	case ',':
		sp.values++
		if sp.batch && sp.depth == 1 {
			sp.cut(i)
		}
	}
	return 0
}

// cut ends the part that is being read; of an empty array nothing becomes a part.
func (sp *splitter) cut(end int) {
	if part := bytes.Trim(sp.body[sp.start:end], jsonSpace); len(part) > 0 {
		sp.parts = append(sp.parts, part)
	}
	sp.start, sp.values = end+1, 0
}

func withinLimits(depth, values, parts int) error {
	switch {
	case depth > maxDepth:
		return errDepth
	case values > maxValues:
		return errValues
	case parts > maxBatch:
		return errBatch
	}
	return nil
}

var errParse = errors.New("Parse error") //nolint:staticcheck // Core's sentence

// parseValue takes valid JSON apart into nil, bool, json.Number, string, []any and *object.
func parseValue(raw []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	v, err := readValue(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errParse
	}
	return v, nil
}

func readValue(dec *json.Decoder) (any, error) {
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch tok {
	case json.Delim('['):
		return readArray(dec)
	case json.Delim('{'):
		return readObject(dec)
	}
	return tok, nil
}

func readArray(dec *json.Decoder) ([]any, error) {
	list := []any{}
	for dec.More() {
		v, err := readValue(dec)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := dec.Token()
	return list, err
}

func readObject(dec *json.Decoder) (*Object, error) {
	o := &Object{Values: map[string]any{}}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name, ok := key.(string)
		if !ok {
			return nil, errParse
		}
		v, err := readValue(dec)
		if err != nil {
			return nil, err
		}
		o.Set(name, v)
	}
	_, err := dec.Token()
	return o, err
}

// typeName is Core's word for the JSON type of a value of parseValue.
func typeName(v any) string {
	switch v.(type) {
	case bool:
		return "bool"
	case json.Number:
		return "number"
	case string:
		return "string"
	case []any:
		return "array"
	case *Object:
		return "object"
	}
	return "null"
}

// Field is a key and value of a result.
type Field struct {
	Key   string
	value any
}

// Fields is a JSON object in a result; the order of its keys is kept.
type Fields []Field

// Obj makes fields of alternating keys (strings) and values.
func Obj(pairs ...any) Fields {
	f := make(Fields, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		f = append(f, Field{pairs[i].(string), pairs[i+1]})
	}
	return f
}

// Add appends a key.
func (f *Fields) Add(key string, value any) { *f = append(*f, Field{key, value}) }

// MarshalJSON writes the object in order.
func (f Fields) MarshalJSON() ([]byte, error) { return Append(nil, f) }

// Appender is a value that appends its own JSON.
type Appender interface {
	AppendJSON(b []byte) []byte
}

// Append appends the JSON of a result. Beside what it knows itself, it takes what
// encoding/json takes.
func Append(b []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(b, "null"...), nil
	case bool:
		return strconv.AppendBool(b, v), nil
	case int:
		return strconv.AppendInt(b, int64(v), 10), nil
	case int32:
		return strconv.AppendInt(b, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case uint32:
		return strconv.AppendUint(b, uint64(v), 10), nil
	case uint64:
		return strconv.AppendUint(b, v, 10), nil
	case float64:
		return strconv.AppendFloat(b, v, 'g', 16, 64), nil
	case Appender:
		return v.AppendJSON(b), nil
	case Hex:
		return append(hex.AppendEncode(append(b, '"'), v), '"'), nil
	case string:
		return appendString(b, v), nil
	case json.Number:
		return append(b, v...), nil
	case Fields:
		return appendFields(b, v)
	case []Fields:
		return appendList(b, v)
	case []string:
		return appendList(b, v)
	case []Hex:
		return appendList(b, v)
	case []any:
		return appendList(b, v)
	case *Object:
		return appendObject(b, v)
	}
	raw, err := json.Marshal(v)
	return append(b, raw...), err
}

// Hex are shown as a string of hexadecimal digits.
type Hex []byte

func appendFields(b []byte, f Fields) (_ []byte, err error) {
	b = append(b, '{')
	for i, kv := range f {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, kv.Key), ':')
		if b, err = Append(b, kv.value); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

func appendObject(b []byte, o *Object) ([]byte, error) {
	f := make(Fields, 0, len(o.Keys))
	for _, k := range o.Keys {
		f.Add(k, o.Values[k])
	}
	return appendFields(b, f)
}

func appendList[T any](b []byte, list []T) (_ []byte, err error) {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		if b, err = Append(b, v); err != nil {
			return nil, err
		}
	}
	return append(b, ']'), nil
}

// plainChar are the bytes that stand for themselves in a JSON string.
var plainChar = func() (t [256]bool) {
	for c := ' '; c <= '~'; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// appendString appends a JSON string without the escapes that only web pages need.
func appendString(b []byte, s string) []byte {
	plain := true
	for i := 0; i < len(s) && plain; i++ {
		plain = plainChar[s[i]]
	}
	if plain {
		return append(append(append(b, '"'), s...), '"')
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil { // a string always encodes
		return append(b, `""`...)
	}
	return append(b, bytes.TrimSpace(buf.Bytes())...)
}
