# set-up.sh - create what the demo needs: two repositories whose branches each contain their name,
# and three tmux sessions that show a shell prompt; run in an empty HOME, with the socket in $SOCKET
set -eu

repository() {
    git init -q "$1"
    for branch in "$3" "$2"; do
        git -C "$1" checkout -q --orphan "$branch"
        echo "$branch" >"$1/branch.txt"
        git -C "$1" add branch.txt
        git -C "$1" commit -q -m "$branch"
    done
}

server() {
    tmux -u -S "$SOCKET" -f /dev/null "$@"
}

session() {
    name=$1 directory=$2
    shift 2
    (cd "$directory" && server new-session -d -s "$name" -x 100 -y 30 env PS1="$name\$ " "$@")
    until server capture-pane -p -t "$name:" | grep -q "^$name"; do sleep 0.05; done
}

git config --global user.name Demo
git config --global user.email demo@example.org
repository api main feature
repository web main redesign

bash='bash --norc --noprofile -i' zsh='zsh -f -i'
command -v zsh >/dev/null || {
    echo 'There is no zsh on this machine: using bash instead.'
    zsh=$bash
}
session one api $bash
session two web $zsh
session tally . $bash
