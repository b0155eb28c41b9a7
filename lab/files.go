package lab

import "fmt"

// What a network of one process has open. A node without a connection has 22 files: six of each of its three databases, its log, and three
// sockets that listen; a chain of some thousand blocks adds a few tables. A link has two ends.
const (
	filesOfANode  = 26
	filesOfALink  = 2
	filesOfAllNet = 48 // standard streams, the control address, a few clients and dials
)

// filesNeeded is how many files a network of so many nodes and links has open.
func filesNeeded(nodes, links int) int {
	return filesOfAllNet + filesOfANode*nodes + filesOfALink*links
}

// checkFiles refuses a network that the process may not open the files of: its nodes would fail one after another. limit is how many it
// may, 0 if that is not known.
func (c *Config) checkFiles(limit int) error {
	l, err := c.layout()
	if err != nil {
		return err
	}
	need := filesNeeded(c.Nodes, len(l.edges))
	if limit == 0 || need <= limit {
		return nil
	}
	links := float64(len(l.edges)) / float64(c.Nodes)
	fit := int(float64(limit-filesOfAllNet) / (filesOfANode + filesOfALink*links))
	return fmt.Errorf("%d nodes with %d links need %d open files, and this process may have %d: raise the limit (`ulimit -Hn %d`, as root), or start fewer nodes (about %d)",
		c.Nodes, len(l.edges), need, limit, need, max(fit, 1))
}
