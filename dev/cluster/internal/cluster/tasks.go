package cluster

import "context"

// task is one piece of work that ends when its context does.
type task func(context.Context) error

// together runs all tasks at once. The first failure ends the others and is the
// one returned: theirs are only its consequences.
func together(ctx context.Context, tasks ...task) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	outcomes := make(chan error, len(tasks))
	for _, do := range tasks {
		go func() { outcomes <- do(ctx) }()
	}
	var first error
	for range tasks {
		if err := <-outcomes; err != nil && first == nil {
			first = err
			cancel()
		}
	}
	return first
}

// inOrder is the task of doing all, one after another, until one fails.
func inOrder(tasks ...task) task {
	return func(ctx context.Context) error {
		for _, do := range tasks {
			if err := do(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}
