package main

import (
	"net"
	"os"
	"syscall"
)

// folderPrefix marks the folders of clusters.
const folderPrefix = "windlass-cluster-"

const (
	sharedMemory = "/dev/shm"
	// tmpfs as statfs(2) calls it.
	tmpfs = 0x01021994
	// room that a small cluster needs: etcd's file, its log, the servers' logs. Containers often have 64 MB there.
	room = 512 << 20
)

// newFolder is in memory where there is room: on a disk, etcd waits for each directory and file.
func newFolder() (string, error) {
	var stat syscall.Statfs_t
	if syscall.Statfs(sharedMemory, &stat) == nil && stat.Type == tmpfs && stat.Bavail*uint64(stat.Bsize) >= room {
		if folder, err := os.MkdirTemp(sharedMemory, folderPrefix); err == nil {
			return folder, nil
		}
	}
	return os.MkdirTemp("", folderPrefix)
}

// freePorts of the loopback. Somebody else may take one before its server does; the server then says so and ends.
func freePorts(count int) ([]int, error) {
	ports := make([]int, count)
	for i := range ports {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		// All are held until the last is found, or one might be found twice.
		defer listener.Close()
		ports[i] = listener.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}
