// Package flock keeps two processes from one file. The lock is advisory and belongs to the open file, not to its name: it ends when the file is
// closed or the process ends, also by SIGKILL, so that a lock is never left behind. Whoever removes a locked file lets somebody else make a new one
// of its name: where that can be, who gets a lock looks whether his file still has the name.
package flock
