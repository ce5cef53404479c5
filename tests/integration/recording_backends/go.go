// SPDX-License-Identifier: Apache-2.0

// Tells in X-Saw what Go's net/http made of a request, and under /records of all of them. Prints its port.
package main

import (
	"crypto/sha1"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
)

var (
	mutex   sync.Mutex
	records = []string{}
)

func record(response http.ResponseWriter, request *http.Request) {
	hash := sha1.New()
	length, err := io.Copy(hash, request.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	mutex.Lock()
	defer mutex.Unlock()
	if request.RequestURI == "/records" {
		json.NewEncoder(response).Encode(records)
		return
	}
	saw := fmt.Sprintf("%d %s %s %d %x", len(records), request.Method, request.RequestURI, length, hash.Sum(nil)[:4])
	records = append(records, saw)
	response.Header().Set("X-Saw", saw)
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	http.Serve(listener, http.HandlerFunc(record))
}
