package main

import (
	"fmt"
	"strings"
)

const (
	// serviceRange is where Services get their addresses; nothing listens there.
	serviceRange = "10.96.0.0/16"
	// frontProxyName is whom aggregated APIs believe when it speaks for somebody.
	frontProxyName = "front-proxy-client"
)

// controllers are those that a GitOps engine meets. Not there: what needs a cloud, a volume or a real node.
var controllers = []string{
	"garbage-collector", "namespace", "deployment", "replicaset", "statefulset", "daemonset", "job", "cronjob", "ttl-after-finished", "serviceaccount",
	"serviceaccount-token", "root-ca-certificate-publisher", "clusterrole-aggregation", "endpointslice", "disruption",
}

// auditPolicy notes each request once: at its end, and a watch, which may never end, when it begins. No bodies.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
`

// auditFileMegabytes before a file is begun anew: readers keep an offset, so never.
const auditFileMegabytes = 1 << 20

func etcdArguments(folder string, client, peer int) []string {
	clientURL, peerURL := fmt.Sprintf("http://127.0.0.1:%d", client), fmt.Sprintf("http://127.0.0.1:%d", peer)
	return []string{
		"--data-dir=" + folder,
		"--listen-client-urls=" + clientURL, "--advertise-client-urls=" + clientURL,
		"--listen-peer-urls=" + peerURL, "--initial-advertise-peer-urls=" + peerURL, "--initial-cluster=default=" + peerURL,
		// What is lost with the machine was worth nothing.
		"--unsafe-no-fsync",
	}
}

func apiServerArguments(p *pki, etcd, port int, tokens string, audit *auditFiles) []string {
	arguments := []string{
		fmt.Sprintf("--etcd-servers=http://127.0.0.1:%d", etcd),
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", port),
		"--tls-cert-file=" + p.certificate("serving"), "--tls-private-key-file=" + p.key("serving"),
		"--client-ca-file=" + p.certificate("ca"), "--token-auth-file=" + tokens, "--authorization-mode=RBAC",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + p.key("service-accounts"), "--service-account-signing-key-file=" + p.key("service-accounts"),
		"--service-cluster-ip-range=" + serviceRange, "--allow-privileged=true", "--profiling=false",
		// The Service `kubernetes` would get the loopback as its endpoint, which is refused.
		"--endpoint-reconciler-type=none",
		"--requestheader-client-ca-file=" + p.certificate("front-proxy-ca"), "--requestheader-allowed-names=" + frontProxyName,
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + p.certificate("front-proxy"), "--proxy-client-key-file=" + p.key("front-proxy"),
	}
	if audit != nil {
		arguments = append(arguments, "--audit-policy-file="+audit.policy, "--audit-log-path="+audit.log,
			fmt.Sprintf("--audit-log-maxsize=%d", auditFileMegabytes))
	}
	return arguments
}

// auditFiles are where the API server reads what to note, and notes it.
type auditFiles struct {
	policy string
	log    string
}

func controllerManagerArguments(p *pki, kubeconfig string) []string {
	names := make([]string, len(controllers))
	for i, name := range controllers {
		names[i] = name + "-controller"
	}
	return []string{
		"--kubeconfig=" + kubeconfig, "--leader-elect=false", "--secure-port=0",
		"--controllers=" + strings.Join(names, ","),
		// Without it, RBAC forbids the controllers nearly everything.
		"--use-service-account-credentials=true",
		"--service-account-private-key-file=" + p.key("service-accounts"), "--root-ca-file=" + p.certificate("ca"),
		// The defaults, 20 and 30, would be what a measurement measures.
		"--kube-api-qps=200", "--kube-api-burst=400",
	}
}
