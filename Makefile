# The few commands that people type. Each is one line that calls a script or a CMake preset.
.DEFAULT_GOAL := help
.PHONY: help demo test build cluster down lint images install-plugin push redeploy

help: ## Show this help
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

demo: ## From nothing to verdicts on a real cluster (CLUSTER=own|current|kind|minikube)
	@dev/demo

test: ## Every test there is, as CI runs it; ends with "N passed, N failed"
	@dev/test/run

build: ## Build the programs (release)
	@dev/deps/install build && cmake --preset release && cmake --build --preset release

cluster: ## Bring the development cluster up
	@dev/deps/install cluster && dev/cluster/cluster up

down: ## Stop and remove everything that demo and cluster made
	@dev/down

lint: ## Formatting, include directions, scripts, clang-tidy
	@dev/test/run deps lint tidy

images: ## Build the images from source (REGISTRY=… TAG=…)
	@dev/images/build --from-source all

install-plugin: ## Build kubectl-committest and install it (PREFIX=~/.local)
	@dev/install-plugin

push: ## Push the images to a registry (REGISTRY=… TAG=…)
	@dev/images/push

redeploy: ## Build what changed and roll it out to the demo's cluster
	@dev/images/redeploy
