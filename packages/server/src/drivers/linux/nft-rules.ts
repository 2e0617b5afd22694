// The packet filter for sandboxes with egress, as nftables text.

export interface NftPlan {
  readonly table: string
  /** Every link of ours on the host's side begins with this. */
  readonly linkPrefix: string
  /** The addresses of our sandboxes, as a prefix. */
  readonly block: string
  /** Name servers that sandboxes may ask, also when their addresses are private. */
  readonly resolvers: readonly string[]
}

/**
 * POLICY: never reachable from a sandbox: private and shared networks, link-local addresses (metadata services among them),
 * the addresses some clouds put theirs at instead, loopback, multicast, reserved space.
 */
const FORBIDDEN = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/3',
]

/** Replaces the table as one change. Other tables, and so other firewalls, are not touched. */
export const nftRules = ({ table, linkPrefix, block, resolvers }: NftPlan): string => {
  const links = `"${linkPrefix}*"`
  const dns =
    resolvers.length === 0 ? '' : `ip daddr { ${resolvers.join(', ')} } meta l4proto { tcp, udp } th dport 53 accept`
  return `
table inet ${table} {}
delete table inet ${table}
table inet ${table} {
  chain input {
    type filter hook input priority -10; policy accept;
    iifname ${links} reject
  }
  chain forward {
    type filter hook forward priority -10; policy accept;
    iifname ${links} jump outward
    oifname ${links} jump back
  }
  chain outward {
    meta nfproto ipv6 reject
    oifname ${links} reject
    tcp flags syn tcp option maxseg size set rt mtu
    ${dns}
    ip daddr { ${FORBIDDEN.join(', ')} } reject
    accept
  }
  chain back {
    ct state established,related accept
    drop
  }
  chain postrouting {
    type nat hook postrouting priority 100; policy accept;
    ip saddr ${block} oifname != ${links} masquerade
  }
}
`
}

export const nftRemoval = (table: string): string => `table inet ${table} {}\ndelete table inet ${table}\n`
