package main

import (
	"encoding/base64"
	"fmt"
)

// kubeconfig names no file: it can be copied, put into a Secret, or read by what refuses paths.
func kubeconfig(server string, authority []byte, user string, client pair) string {
	data := base64.StdEncoding.EncodeToString
	return fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: cluster
clusters:
- name: cluster
  cluster:
    server: %s
    certificate-authority-data: %s
users:
- name: %s
  user:
    client-certificate-data: %s
    client-key-data: %s
contexts:
- name: cluster
  context:
    cluster: cluster
    user: %[3]s
`, server, data(authority), user, data(client.certificate), data(client.key))
}
