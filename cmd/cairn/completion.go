package main

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

// completionScripts ask the program itself what may follow.
var completionScripts = map[string]string{
	"bash": `_cairn() {
	local words=("${COMP_WORDS[@]:0:$COMP_CWORD}")
	COMPREPLY=($(compgen -W "$("${words[@]}" --generate-bash-completion 2>/dev/null)" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _cairn cairn
`,
	"zsh": `#compdef cairn
_cairn() {
	local -a found
	found=("${(@f)$("${words[@]:0:$((CURRENT-1))}" --generate-bash-completion 2>/dev/null)}")
	_describe 'cairn' found
}
compdef _cairn cairn
`,
}

func completionCommand() *cli.Command {
	return &cli.Command{
		Name: "completion", Usage: "print a script that completes commands in a shell", ArgsUsage: "bash|zsh", OnUsageError: wrongUsage,
		Description: "Example:\n\n    source <(cairn completion bash)",
		Action: func(c *cli.Context) error {
			script, ok := completionScripts[c.Args().First()]
			if !ok {
				return usagef("completion is there for bash and zsh: `cairn completion bash`")
			}
			fmt.Fprint(c.App.Writer, script)
			return nil
		},
	}
}
