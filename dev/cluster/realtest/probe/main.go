// Command probe is what the tests run inside Pods: it serves a page, or asks
// for one until it gets it.
package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// patience is how long a page may take to appear.
const patience = 30 * time.Second

func main() {
	if len(os.Args) == 2 && os.Args[1] == "serve" {
		fmt.Fprintln(os.Stderr, http.ListenAndServe(":8080", http.HandlerFunc(greet)))
		os.Exit(1)
	}
	if len(os.Args) != 3 || os.Args[1] != "get" {
		fmt.Fprintln(os.Stderr, "usage: probe serve | get URL")
		os.Exit(2)
	}
	if err := get(os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func greet(w http.ResponseWriter, _ *http.Request) {
	name, _ := os.Hostname() // an empty name shows in the answer
	fmt.Fprintf(w, "greetings from %s\n", name)
}

func get(url string) error {
	client := http.Client{Timeout: 2 * time.Second}
	deadline := time.Now().Add(patience)
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for {
		response, err := client.Get(url)
		if err == nil {
			defer response.Body.Close()
			_, err = io.Copy(os.Stdout, response.Body)
			return err
		}
		if time.Now().After(deadline) {
			return err
		}
		<-ticker.C
	}
}
