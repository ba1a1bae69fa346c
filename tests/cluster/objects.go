package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/volume-durability/volume-durability/tests/cluster/addons"
)

// showObjects prints the nodes, the addons and the storage classes.
func showObjects(ctx context.Context) error {
	kube, err := client()
	if err != nil {
		return err
	}
	nodes, err := kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	classes, err := kube.StorageV1().StorageClasses().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nOBJECT\tSTATE")
	for _, n := range nodes.Items {
		fmt.Fprintf(w, "node %s\t%s\n", n.Name, word(readyNodes([]corev1.Node{n}) == 1, "ready", "not ready"))
	}
	for _, d := range addons.Deployments {
		deployment, err := kube.AppsV1().Deployments(d[0]).Get(ctx, d[1], metav1.GetOptions{})
		is := word(err == nil && available(deployment), "available", "not available")
		fmt.Fprintf(w, "deployment %s/%s\t%s\n", d[0], d[1], is)
	}
	for _, class := range classes.Items {
		is := word(class.Annotations[defaultClass] == "true", "the default", "-")
		fmt.Fprintf(w, "storage class %s\t%s\n", class.Name, is)
	}
	fmt.Fprintln(w)
	return w.Flush()
}

// defaultClass marks the storage class of claims that name none.
const defaultClass = "storageclass.kubernetes.io/is-default-class"

func word(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}
