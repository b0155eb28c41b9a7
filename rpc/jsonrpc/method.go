package jsonrpc

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Type is what a parameter may be in JSON.
type Type string

// The types of parameters. Hash and Hex are strings whose form the handler looks at.
const (
	TypeString Type = "string"
	TypeHex    Type = "string, hex"
	TypeNumber Type = "numeric"
	TypeBool   Type = "boolean"
	TypeAmount Type = "numeric or string" // coins
	TypeObject Type = "json object"
	TypeArray  Type = "json array"
	TypeAny    Type = "numeric, boolean or string" // the handler looks at it
)

// jsonName is the JSON type that a Type stands for, "" for several.
func (t Type) jsonName() string {
	switch t {
	case TypeString, TypeHex:
		return "string"
	case TypeNumber:
		return "number"
	case TypeBool:
		return "bool"
	case TypeObject:
		return "object"
	case TypeArray:
		return "array"
	}
	return ""
}

// Param is one parameter of a method.
type Param struct {
	// Name has older names of the same parameter after it, each behind a bar: "verbosity|verbose".
	Name     string
	Type     Type
	Required bool
	Default  string // for people; empty if there is none
	Help     string
}

func (p *Param) names() []string { return strings.Split(p.Name, "|") }

// Method is one entry of a table of methods: what help prints, and the handler. C is what a handler sees of a call: *Call, or a type of
// its own that Adapt makes of it.
type Method[C any] struct {
	Name, Topic string
	Help        string
	Params      []Param
	Result      string // what comes back, for people
	Example     string // parameters as one types them on a command line; may be empty

	// Run does it. The result is anything that Append takes. An error that is no *Error is given a code by Config.Translate.
	Run func(ctx context.Context, c C) (any, error)
}

// Required and optional make Params.
func Required(name string, t Type, help string) Param {
	return Param{Name: name, Type: t, Required: true, Help: help}
}

func Optional(name string, t Type, def, help string) Param {
	return Param{Name: name, Type: t, Default: def, Help: help}
}

// Adapt makes a table for a Server of one whose handlers want more than a Call; wrap adds what that is.
func Adapt[C any](table []Method[C], wrap func(*Call) C) []Method[*Call] {
	list := make([]Method[*Call], len(table))
	for i, m := range table {
		run := m.Run
		list[i] = Method[*Call]{Name: m.Name, Topic: m.Topic, Help: m.Help, Params: m.Params, Result: m.Result, Example: m.Example}
		list[i].Run = func(ctx context.Context, c *Call) (any, error) { return run(ctx, wrap(c)) }
	}
	return list
}

// Usage is the first line of help: the method and its parameters, optional ones in parentheses.
func (m *Method[C]) Usage() string {
	var b strings.Builder
	b.WriteString(m.Name)
	open := false
	for i := range m.Params {
		p := &m.Params[i]
		if !p.Required && !open {
			b.WriteString(" (")
			open = true
		}
		name := p.names()[0]
		switch p.Type {
		case TypeString, TypeHex:
			name = `"` + name + `"`
		case TypeObject:
			name = "{" + name + "}"
		case TypeArray:
			name = "[" + name + ",...]"
		}
		b.WriteString(" " + name)
	}
	if open {
		b.WriteString(" )")
	}
	return b.String()
}

// helpText is what help METHOD prints, and the message of an error of usage.
func (m *Method[C]) helpText() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n", m.Usage(), m.Help)
	if len(m.Params) > 0 {
		b.WriteString("\nArguments:\n")
		for i := range m.Params {
			p := &m.Params[i]
			fmt.Fprintf(&b, "%d. %s    (%s) %s\n", i+1, p.names()[0], p.traits(), p.Help)
		}
	}
	fmt.Fprintf(&b, "\nResult:\n%s\n\nExamples:\n> %s\n> %s\n", m.Result, m.cliExample(), m.curlExample())
	return b.String()
}

func (p *Param) traits() string {
	switch {
	case p.Required:
		return string(p.Type) + ", required"
	case p.Default != "":
		return string(p.Type) + ", optional, default=" + p.Default
	}
	return string(p.Type) + ", optional"
}

func (m *Method[C]) cliExample() string {
	return strings.TrimSpace("cairn rpc " + m.Name + " " + m.Example)
}

func (m *Method[C]) curlExample() string {
	return fmt.Sprintf(`curl --user myusername --data-binary '{"jsonrpc": "2.0", "id": "curltest", "method": "%s", "params": [%s]}' `+
		`-H 'content-type: application/json' http://127.0.0.1:21332/`, m.Name, strings.Join(m.ExampleParams(), ", "))
}

// ExampleParams are the words of Example as JSON: words in single quotes lose them, and a bare word
// where a string belongs gets double quotes.
func (m *Method[C]) ExampleParams() []string {
	words := splitWords(m.Example)
	for i, w := range words {
		if i < len(m.Params) && m.Params[i].Type.jsonName() == "string" && !strings.HasPrefix(w, `"`) {
			words[i] = `"` + w + `"`
		}
	}
	return words
}

// ParseArgs turns the words of a command line into parameters of a call, by the table: text stays text
// where a string belongs, and is read as JSON elsewhere. A parameter that may be several things, or of a
// method that is not in the table, is JSON if it can be. Its error names the parameter.
func ParseArgs[C any](all []Method[C], method string, words []string) ([]any, error) {
	i := slices.IndexFunc(all, func(m Method[C]) bool { return m.Name == method })
	args := make([]any, len(words))
	for j, w := range words {
		p := Param{Name: "?", Type: TypeAny}
		if i >= 0 && j < len(all[i].Params) {
			p = all[i].Params[j]
		}
		var err error
		if args[j], err = p.parse(w); err != nil {
			return nil, fmt.Errorf("%s: parameter %d (%s): %w", method, j+1, p.names()[0], err)
		}
	}
	return args, nil
}

func (p *Param) parse(word string) (any, error) {
	var text string
	if json.Unmarshal([]byte(word), &text) == nil && word != "null" {
		return text, nil
	}
	isJSON := json.Valid([]byte(word))
	switch p.Type {
	case TypeString, TypeHex:
		if word == "null" && !p.Required {
			return nil, nil
		}
		return word, nil
	case TypeAny, TypeAmount:
		if isJSON && len(word) != hashDigits {
			return json.RawMessage(word), nil
		}
		return word, nil
	}
	if !isJSON {
		return nil, fmt.Errorf("%q is not of type %s", Clip(word), p.Type)
	}
	return json.RawMessage(word), nil
}

// hashDigits is the length of a hash as people write it. One of decimal digits only is no number.
const hashDigits = 64

// splitWords cuts a command line at blanks outside of single quotes.
func splitWords(s string) []string {
	var words []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		cut, skip := " ", 0
		if s[0] == '\'' {
			cut, skip = "'", 1
		}
		word, rest, _ := strings.Cut(s[skip:], cut)
		words, s = append(words, word), rest
	}
	return words
}

// helpAll lists all methods under their topics.
func helpAll[C any](methods []Method[C]) string {
	var b strings.Builder
	topic := ""
	for i := range methods {
		if m := &methods[i]; m.Topic != topic {
			if topic != "" {
				b.WriteString("\n")
			}
			topic = m.Topic
			fmt.Fprintf(&b, "== %s ==\n", topic)
		}
		b.WriteString(methods[i].Usage() + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Markdown is the method's part of a page of reference.
func (m *Method[C]) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n### %s\n\n    %s\n\n%s\n", m.Name, m.Usage(), m.Help)
	if len(m.Params) > 0 {
		b.WriteString("\n| parameter | type | meaning |\n| --- | --- | --- |\n")
		for i := range m.Params {
			p := &m.Params[i]
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", strings.ReplaceAll(p.Name, "|", "` or `"), p.traits(), strings.ReplaceAll(p.Help, "|", "\\|"))
		}
	}
	fmt.Fprintf(&b, "\nResult: %s\n\nExample: `%s`\n", m.Result, m.cliExample())
	return b.String()
}
