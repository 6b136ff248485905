// A CA of micromdm's library, where its scepserver leaves a Cisco router no way: scepserver answers at /scep
// alone, though Cisco appends /pkiclient.exe, and in single DES, though RFC 8894 section 2.9 forbids that.
// Arguments: the depot, the challenge password ("" asks for none), the days that certificates live.
// Says where it is on its first line, and ends when its stdin does.
package main

import (
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"

	kitlog "github.com/go-kit/kit/log"
	"github.com/micromdm/scep/v2/depot"
	"github.com/micromdm/scep/v2/depot/file"
	scepserver "github.com/micromdm/scep/v2/server"
	"github.com/smallstep/pkcs7"
)

func main() {
	pkcs7.ContentEncryptionAlgorithm = pkcs7.EncryptionAlgorithmAES128CBC
	folder, challenge := os.Args[1], os.Args[2]
	days, err := strconv.Atoi(os.Args[3])
	check(err)
	store, err := file.NewFileDepot(folder)
	check(err)
	certificates, key, err := store.CA(nil)
	check(err)
	signer := depot.NewSigner(
		store,
		depot.WithValidityDays(days),
		depot.WithAllowRenewalDays(0),
		depot.WithSignatureAlgorithm(x509.SHA256WithRSA),
	)
	var asked scepserver.CSRSignerContext = scepserver.SignCSRAdapter(signer)
	if challenge != "" {
		asked = scepserver.StaticChallengeMiddleware(challenge, asked)
	}
	service, err := scepserver.NewService(certificates[0], key, asked)
	check(err)
	scep := scepserver.MakeHTTPHandler(
		scepserver.MakeServerEndpoints(service), service, kitlog.NewNopLogger())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Printf("http://%s/scep\n", listener.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	check(http.Serve(listener, http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		request.URL.Path = strings.TrimSuffix(request.URL.Path, "/pkiclient.exe")
		scep.ServeHTTP(answer, request)
	})))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
