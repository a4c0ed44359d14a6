#include "firewall/nftables.hpp"

#include <fmt/format.h>
// In C++ <linux/netfilter.h> needs it before itself.
#include <netinet/in.h>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <system_error>
#include <utility>
#include <vector>

#include "firewall/neighbours.hpp"

namespace mxwarden::firewall {
namespace {

// Whatever is asked of the kernel ends with one of these: 0, or an errno. ENOBUFS: what it answered was lost.
using Errno = int;

// Of the types of keys, by nft's own count (its datatype.h), for who lists the sets.
constexpr std::uint32_t type_ipv4_address = 7;
constexpr std::uint32_t type_ipv6_address = 8;
constexpr std::uint32_t type_port = 13;

// NFTA_SET_COUNT, the elements of a set: Linux 6.18 tells it, and older headers do not name it.
constexpr std::uint16_t set_count_attribute = 20;

// A list of elements is an attribute, of 65,535 bytes at most: so much is begun with, and one more element fits.
constexpr std::size_t long_enough = 64'000;
constexpr std::size_t longest_message = 66'000;
// On the wire, with a timeout: an IPv6 address.
constexpr std::size_t element_size = 40;
// A datagram of 4,000,000 elements is of 160 MB.
constexpr int send_buffer = 512 << 20;

std::string reason_of(Errno error) {
  return std::generic_category().message(error);
}

struct Free {
  void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
  void operator()(nftnl_table* table) const { nftnl_table_free(table); }
  void operator()(nftnl_chain* chain) const { nftnl_chain_free(chain); }
  void operator()(nftnl_rule* rule) const { nftnl_rule_free(rule); }
  void operator()(nftnl_set* set) const { nftnl_set_free(set); }
  void operator()(nftnl_expr_iter* iterator) const { nftnl_expr_iter_destroy(iterator); }
  void operator()(nftnl_set_elems_iter* iterator) const { nftnl_set_elems_iter_destroy(iterator); }
};

template <class T>
std::unique_ptr<T, Free> owned(T* allocated) {
  if (allocated == nullptr) throw std::bad_alloc();
  return std::unique_ptr<T, Free>(allocated);
}

// Messages that take effect together or not at all. They have one sequence number, as it does not matter which of them
// an error is of.
class Transaction {
 public:
  explicit Transaction(std::uint32_t sequence, std::size_t elements = 0) : sequence_(sequence) {
    bytes_.reserve(elements * element_size + 2 * longest_message);
    append([&](char* at) { return nftnl_batch_begin(at, sequence_); });
  }

  // `fill` puts the attributes into the message it is given.
  template <class Fill>
  void add(std::uint16_t type, std::uint16_t flags, const Fill& fill) {
    last_ = bytes_.size();
    append([&](char* at) {
      auto* message = nftnl_nlmsg_build_hdr(at, type, NFPROTO_INET, flags, sequence_);
      fill(message);
      return message;
    });
  }

  // The last message alone is acknowledged: what is acknowledged one by one does not fit into the socket. The
  // closing message is acknowledged by newer kernels only.
  void end() {
    reinterpret_cast<nlmsghdr*>(bytes_.data() + last_)->nlmsg_flags |= NLM_F_ACK;
    append([&](char* at) { return nftnl_batch_end(at, sequence_); });
  }

  std::uint32_t sequence() const { return sequence_; }
  const std::vector<char>& bytes() const { return bytes_; }

 private:
  template <class Build>
  void append(const Build& build) {
    const auto at = bytes_.size();
    bytes_.resize(at + longest_message);
    const nlmsghdr* message = build(bytes_.data() + at);
    bytes_.resize(at + NLMSG_ALIGN(message->nlmsg_len));
  }

  std::uint32_t sequence_;
  std::size_t last_ = 0;
  std::vector<char> bytes_;
};

Errno error_of(const nlmsghdr& message) {
  return -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(&message))->error;
}

// The kernel works while we are in send(): when that returns, all that it has to say waits to be read. So nothing here
// waits, and what is not there is lost.
class Socket {
 public:
  static Errno open(Socket& socket) {
    socket.socket_.reset(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!socket.socket_ || mnl_socket_bind(socket.socket_.get(), 0, MNL_SOCKET_AUTOPID) != 0) return errno;
    int size = send_buffer;
    // Who may not is told EMSGSIZE later.
    (void)::setsockopt(mnl_socket_get_fd(socket.socket_.get()), SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
    // An error then does not bring back the message it is of: 64 KB, a few of which would fill the socket.
    int yes = 1;
    (void)mnl_socket_setsockopt(socket.socket_.get(), NETLINK_CAP_ACK, &yes, sizeof yes);
    return 0;
  }

  Transaction begin(std::size_t elements = 0) { return Transaction(++sequence_, elements); }

  // An error that was read is certain even if others were lost; an acknowledgement then says nothing.
  Errno commit(Transaction transaction) {
    transaction.end();
    Errno refusal = 0;
    bool acknowledged = false;
    const Errno lost = exchange(transaction.bytes(), transaction.sequence(), [&](const nlmsghdr& message) {
      if (message.nlmsg_type != NLMSG_ERROR) return;
      const Errno error = error_of(message);
      if (error == 0) acknowledged = true;
      if (refusal == 0) refusal = error;
    });
    if (refusal != 0 || lost != 0) return refusal != 0 ? refusal : lost;
    return acknowledged ? 0 : ENOBUFS;
  }

  // With NLM_F_DUMP `take` is given each message, else the one.
  template <class Fill, class Take>
  Errno ask(std::uint16_t type, std::uint16_t flags, const Fill& fill, const Take& take) {
    std::vector<char> request(longest_message);
    auto* head = nftnl_nlmsg_build_hdr(request.data(), type, NFPROTO_INET, flags, ++sequence_);
    fill(head);
    request.resize(head->nlmsg_len);
    Errno refusal = 0;
    bool ended = false;
    const Errno lost = exchange(request, sequence_, [&](const nlmsghdr& message) {
      if ((message.nlmsg_flags & NLM_F_DUMP_INTR) != 0) refusal = EINTR;
      if (message.nlmsg_type == NLMSG_ERROR) refusal = error_of(message);
      if (message.nlmsg_type >= NLMSG_MIN_TYPE) take(message);
      if (message.nlmsg_type == NLMSG_DONE || (message.nlmsg_flags & NLM_F_MULTI) == 0) ended = true;
    });
    if (refusal != 0 || lost != 0) return refusal != 0 ? refusal : lost;
    return ended ? 0 : ENOBUFS;
  }

 private:
  template <class Take>
  Errno exchange(const std::vector<char>& bytes, std::uint32_t sequence, const Take& take) {
    // What is left of an earlier one, if that broke off.
    (void)receive([](const nlmsghdr&) {});
    while (mnl_socket_sendto(socket_.get(), bytes.data(), bytes.size()) < 0) {
      // ENOBUFS: no memory for a datagram of that size; that nothing was sent is certain.
      if (errno != EINTR) return errno == ENOBUFS ? EMSGSIZE : errno;
    }
    return receive([&](const nlmsghdr& message) {
      if (message.nlmsg_seq == sequence) take(message);
    });
  }

  // All that is there.
  template <class Take>
  Errno receive(const Take& take) {
    Errno lost = 0;
    while (true) {
      const auto size = mnl_socket_recvfrom(socket_.get(), received_.data(), received_.size());
      if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return lost;
      if (size < 0 && errno != EINTR) {
        lost = ENOBUFS;
        if (errno != ENOBUFS) return lost;
      }
      int left = static_cast<int>(std::max<ssize_t>(size, 0));
      for (const auto* message = reinterpret_cast<const nlmsghdr*>(received_.data()); mnl_nlmsg_ok(message, left);
           message = mnl_nlmsg_next(message, &left)) {
        take(*message);
      }
    }
  }

  std::unique_ptr<mnl_socket, Free> socket_;
  std::uint32_t sequence_ = 0;
  std::vector<char> received_ = std::vector<char>(1 << 16);
};

// --- Elements

std::size_t size_of(Address::Family family) {
  return family == Address::Family::ipv4 ? 4 : 16;
}

void put_key(nlmsghdr* message, const void* key, std::size_t size) {
  auto* nest = mnl_attr_nest_start(message, NFTA_SET_ELEM_KEY);
  mnl_attr_put(message, NFTA_DATA_VALUE, size, key);
  mnl_attr_nest_end(message, nest);
}

// An interval is two elements: where it begins, and, unless that is behind the last of all addresses, where it has
// ended. The timeout is the first's.
void put_element(nlmsghdr* message, const Change& change, bool with_timeout) {
  const auto& [set, first, last] = change.element;
  const auto size = size_of(first.family());
  auto* nest = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
  put_key(message, first.bytes().data(), size);
  if (with_timeout && change.timeout) {
    const auto timeout = static_cast<std::uint64_t>(kernel_timeout(*change.timeout).count());
    mnl_attr_put_u64(message, NFTA_SET_ELEM_TIMEOUT, htobe64(timeout));
  }
  mnl_attr_nest_end(message, nest);
  const auto end = is_hash(set) ? std::nullopt : behind(last);
  if (!end) return;
  nest = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
  put_key(message, end->bytes().data(), size);
  mnl_attr_put_u32(message, NFTA_SET_ELEM_FLAGS, htonl(NFT_SET_ELEM_INTERVAL_END));
  mnl_attr_nest_end(message, nest);
}

// `put` puts elements, and says whether there are more of them.
template <class Put>
void put_list(nlmsghdr* message, const std::string& table, std::string_view set, const Put& put) {
  mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, table.c_str());
  mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, std::string(set).c_str());
  auto* list = mnl_attr_nest_start(message, NFTA_SET_ELEM_LIST_ELEMENTS);
  while (put() && message->nlmsg_len < long_enough) {
  }
  mnl_attr_nest_end(message, list);
}

bool comes(const Change& change) {
  return change.timeout.has_value();
}

bool goes(const Change& change) {
  return !change.timeout.has_value();
}

// Those of the set that are wanted, in as many messages as it takes. NFT_MSG_NEWSETELEM or NFT_MSG_DELSETELEM.
template <class Wanted>
void put_elements(Transaction& transaction, std::uint16_t type, const std::string& table, Set set,
                  std::span<const Change> changes, const Wanted& wanted) {
  const bool adds = type == NFT_MSG_NEWSETELEM;
  auto at = changes.begin();
  const auto find = [&] {
    at = std::find_if(at, changes.end(),
                      [&](const Change& change) { return change.element.set == set && wanted(change); });
    return at != changes.end();
  };
  while (find()) {
    transaction.add(type, adds ? NLM_F_CREATE : 0, [&](nlmsghdr* message) {
      put_list(message, table, to_string(set), [&] {
        put_element(message, *at++, adds);
        return find();
      });
    });
  }
}

// Another range that goes is where this one comes.
bool takes_a_place(const Change& change, std::span<const Change> changes) {
  return std::ranges::any_of(changes, [&](const Change& other) {
    return goes(other) && other.element.set == change.element.set && other.element.first <= change.element.last &&
           change.element.first <= other.element.last;
  });
}

// What goes is taken out first, as ranges that come may be where it was. Those are not there themselves, so that to add
// them is enough; to delete them again the kernel (6.18) does not find them, if they begin or end as what has gone.
void put_replacements(Transaction& transaction, const std::string& table, std::span<const Change> changes) {
  const auto may_be_there = [&](const Change& change) {
    return comes(change) && (is_hash(change.element.set) || !takes_a_place(change, changes));
  };
  for (const auto set : all_sets) {
    put_elements(transaction, NFT_MSG_NEWSETELEM, table, set, changes, goes);
    put_elements(transaction, NFT_MSG_DELSETELEM, table, set, changes, goes);
    put_elements(transaction, NFT_MSG_NEWSETELEM, table, set, changes, may_be_there);
    put_elements(transaction, NFT_MSG_DELSETELEM, table, set, changes, may_be_there);
    put_elements(transaction, NFT_MSG_NEWSETELEM, table, set, changes, comes);
  }
}

// --- The table, its sets, its chain

// NFT_MSG_NEWTABLE makes one if there is none.
void put_table(Transaction& transaction, std::uint16_t type, const std::string& table) {
  const auto made = owned(nftnl_table_alloc());
  nftnl_table_set_str(made.get(), NFTNL_TABLE_NAME, table.c_str());
  transaction.add(type, type == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0,
                  [&](nlmsghdr* message) { nftnl_table_nlmsg_build_payload(message, made.get()); });
}

struct SetForm {
  std::string_view name;
  std::uint32_t flags = 0;
  std::uint32_t key_type = 0;
  std::uint32_t key_size = 0;
  std::uint32_t size = 0;  // 0: without a limit
  Duration sweep_interval{};
};

SetForm form_of(Set set, const Layout& layout) {
  const bool ipv4 = canary(set).first.is_ipv4();
  return {.name = to_string(set),
          .flags = static_cast<std::uint32_t>(is_hash(set) ? NFT_SET_TIMEOUT : NFT_SET_TIMEOUT | NFT_SET_INTERVAL),
          .key_type = ipv4 ? type_ipv4_address : type_ipv6_address,
          .key_size = ipv4 ? 4U : 16U,
          .size = is_hash(set) ? static_cast<std::uint32_t>(size_of_hash(layout)) : 0U,
          .sweep_interval = sweep_interval};
}

void put_set(Transaction& transaction, const std::string& table, const SetForm& form) {
  const auto made = owned(nftnl_set_alloc());
  nftnl_set_set_str(made.get(), NFTNL_SET_TABLE, table.c_str());
  nftnl_set_set_str(made.get(), NFTNL_SET_NAME, std::string(form.name).c_str());
  nftnl_set_set_u32(made.get(), NFTNL_SET_FLAGS, form.flags);
  nftnl_set_set_u32(made.get(), NFTNL_SET_KEY_TYPE, form.key_type);
  nftnl_set_set_u32(made.get(), NFTNL_SET_KEY_LEN, form.key_size);
  // It must have one, though nothing here refers to it.
  nftnl_set_set_u32(made.get(), NFTNL_SET_ID, 1);
  if (form.size != 0) nftnl_set_set_u32(made.get(), NFTNL_SET_DESC_SIZE, form.size);
  if (form.sweep_interval.count() != 0) {
    const auto interval = std::chrono::ceil<std::chrono::milliseconds>(form.sweep_interval);
    nftnl_set_set_u32(made.get(), NFTNL_SET_GC_INTERVAL, static_cast<std::uint32_t>(interval.count()));
  }
  transaction.add(NFT_MSG_NEWSET, NLM_F_CREATE,
                  [&](nlmsghdr* message) { nftnl_set_nlmsg_build_payload(message, made.get()); });
}

void put_ports(Transaction& transaction, const Layout& layout) {
  put_set(transaction, layout.table,
          {.name = "ports", .flags = NFT_SET_CONSTANT, .key_type = type_port, .key_size = sizeof(std::uint16_t)});
  transaction.add(NFT_MSG_NEWSETELEM, NLM_F_CREATE, [&](nlmsghdr* message) {
    auto port = layout.ports.begin();
    put_list(message, layout.table, "ports", [&] {
      const std::uint16_t key = htons(*port);
      auto* nest = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
      put_key(message, &key, sizeof key);
      mnl_attr_nest_end(message, nest);
      return ++port != layout.ports.end();
    });
  });
}

std::uint32_t number_of(conf::Hook hook) {
  switch (hook) {
    case conf::Hook::input:
      return NF_INET_LOCAL_IN;
    case conf::Hook::prerouting:
      return NF_INET_PRE_ROUTING;
    case conf::Hook::forward:
      return NF_INET_FORWARD;
  }
  return NF_INET_LOCAL_IN;
}

const std::string& chain_text() {
  static const std::string text(chain_name);
  return text;
}

void put_chain(Transaction& transaction, const Layout& layout) {
  const auto chain = owned(nftnl_chain_alloc());
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TABLE, layout.table.c_str());
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_NAME, chain_text().c_str());
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TYPE, "filter");
  nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_HOOKNUM, number_of(layout.hook));
  nftnl_chain_set_s32(chain.get(), NFTNL_CHAIN_PRIO, layout.priority);
  nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_POLICY, NF_ACCEPT);
  transaction.add(NFT_MSG_NEWCHAIN, NLM_F_CREATE,
                  [&](nlmsghdr* message) { nftnl_chain_nlmsg_build_payload(message, chain.get()); });
}

// --- Rules

// A comment as nft(8) keeps it with a rule: its type, which is 0, its length, and its text with a zero behind it.
std::string user_data(std::string_view comment) {
  std::string data{'\0', static_cast<char>(comment.size() + 1)};
  data += comment;
  data += '\0';
  return data;
}

// Expression by expression, as nft(8) would put it, so that nft(8) can list it. What does not hold for a packet ends
// the rule for it.
class Rule {
 public:
  Rule(const std::string& table, std::string_view comment) : rule_(owned(nftnl_rule_alloc())) {
    const auto data = user_data(comment);
    nftnl_rule_set_u32(rule_.get(), NFTNL_RULE_FAMILY, NFPROTO_INET);
    nftnl_rule_set_str(rule_.get(), NFTNL_RULE_TABLE, table.c_str());
    nftnl_rule_set_str(rule_.get(), NFTNL_RULE_CHAIN, chain_text().c_str());
    nftnl_rule_set_data(rule_.get(), NFTNL_RULE_USERDATA, data.data(), static_cast<std::uint32_t>(data.size()));
  }

  Rule& load_meta(std::uint32_t key) {
    auto* expression = append("meta");
    nftnl_expr_set_u32(expression, NFTNL_EXPR_META_KEY, key);
    nftnl_expr_set_u32(expression, NFTNL_EXPR_META_DREG, NFT_REG_1);
    return *this;
  }

  Rule& load(std::uint32_t header, std::uint32_t offset, std::uint32_t size) {
    auto* expression = append("payload");
    nftnl_expr_set_u32(expression, NFTNL_EXPR_PAYLOAD_BASE, header);
    nftnl_expr_set_u32(expression, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
    nftnl_expr_set_u32(expression, NFTNL_EXPR_PAYLOAD_LEN, size);
    nftnl_expr_set_u32(expression, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
    return *this;
  }

  Rule& mask(const void* mask, std::uint32_t size) {
    const std::array<unsigned char, 16> nothing{};
    auto* expression = append("bitwise");
    nftnl_expr_set_u32(expression, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
    nftnl_expr_set_u32(expression, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
    nftnl_expr_set_u32(expression, NFTNL_EXPR_BITWISE_LEN, size);
    nftnl_expr_set(expression, NFTNL_EXPR_BITWISE_MASK, mask, size);
    nftnl_expr_set(expression, NFTNL_EXPR_BITWISE_XOR, nothing.data(), size);
    return *this;
  }

  Rule& require(std::uint32_t comparison, std::uint8_t value) {
    auto* expression = append("cmp");
    nftnl_expr_set_u32(expression, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
    nftnl_expr_set_u32(expression, NFTNL_EXPR_CMP_OP, comparison);
    nftnl_expr_set(expression, NFTNL_EXPR_CMP_DATA, &value, sizeof value);
    return *this;
  }

  Rule& look_up(std::string_view set, std::uint32_t flags = 0) {
    auto* expression = append("lookup");
    nftnl_expr_set_u32(expression, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
    nftnl_expr_set_str(expression, NFTNL_EXPR_LOOKUP_SET, std::string(set).c_str());
    if (flags != 0) nftnl_expr_set_u32(expression, NFTNL_EXPR_LOOKUP_FLAGS, flags);
    return *this;
  }

  Rule& count() {
    append("counter");
    return *this;
  }

  void decide(int verdict, Transaction& transaction) {
    auto* expression = append("immediate");
    nftnl_expr_set_u32(expression, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
    nftnl_expr_set_u32(expression, NFTNL_EXPR_IMM_VERDICT, static_cast<std::uint32_t>(verdict));
    transaction.add(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND,
                    [&](nlmsghdr* message) { nftnl_rule_nlmsg_build_payload(message, rule_.get()); });
  }

 private:
  // It is the rule's.
  nftnl_expr* append(const char* name) {
    auto* expression = nftnl_expr_alloc(name);
    if (expression == nullptr) throw std::bad_alloc();
    nftnl_rule_add_expr(rule_.get(), expression);
    return expression;
  }

  std::unique_ptr<nftnl_rule, Free> rule_;
};

void put_look_up(Transaction& transaction, Set set, const Layout& layout, std::string_view comment) {
  const bool ipv4 = canary(set).first.is_ipv4();
  const auto size = static_cast<std::uint32_t>(ipv4 ? 4 : 16);
  const int length = ipv4 ? layout.ipv4_prefix : layout.ipv6_prefix;
  Rule rule(layout.table, comment);
  rule.load_meta(NFT_META_NFPROTO).require(NFT_CMP_EQ, static_cast<std::uint8_t>(ipv4 ? NFPROTO_IPV4 : NFPROTO_IPV6));
  // Where the headers of IP have the source.
  rule.load(NFT_PAYLOAD_NETWORK_HEADER, ipv4 ? 12 : 8, size);
  if (is_hash(set) && static_cast<std::uint32_t>(length) < size * 8) {
    std::array<unsigned char, 16> ones{};
    ones.fill(0xFF);
    const auto mask = Address::from_bytes(canary(set).first.family(), ones.data()).masked(length);
    rule.mask(mask.bytes().data(), size);
  }
  rule.look_up(to_string(set)).count().decide(NF_DROP, transaction);
}

void put_rules(Transaction& transaction, const Layout& layout) {
  const auto* comment = rule_comments.data();
  const auto rule = [&] { return Rule(layout.table, *comment++); };
  const std::uint8_t flags = TH_FIN | TH_SYN | TH_RST | TH_ACK;
  rule().load_meta(NFT_META_L4PROTO).require(NFT_CMP_NEQ, IPPROTO_TCP).decide(NFT_RETURN, transaction);
  // Where the header of TCP has its flags and the port.
  rule()
      .load_meta(NFT_META_L4PROTO)
      .require(NFT_CMP_EQ, IPPROTO_TCP)
      .load(NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1)
      .mask(&flags, sizeof flags)
      .require(NFT_CMP_NEQ, TH_SYN)
      .decide(NFT_RETURN, transaction);
  rule()
      .load_meta(NFT_META_L4PROTO)
      .require(NFT_CMP_EQ, IPPROTO_TCP)
      .load(NFT_PAYLOAD_TRANSPORT_HEADER, 2, sizeof(std::uint16_t))
      .look_up("ports", NFT_LOOKUP_F_INV)
      .decide(NFT_RETURN, transaction);
  for (const auto set : all_sets) put_look_up(transaction, set, layout, *comment++);
}

// --- What is read back

struct SeenChain {
  bool base = false;
  std::uint32_t hook = 0;
  std::int32_t priority = 0;
  std::uint32_t policy = 0;
};

SeenChain chain_in(const nlmsghdr& message) {
  const auto chain = owned(nftnl_chain_alloc());
  if (nftnl_chain_nlmsg_parse(&message, chain.get()) != 0) return {};
  return {.base = nftnl_chain_is_set(chain.get(), NFTNL_CHAIN_HOOKNUM),
          .hook = nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_HOOKNUM),
          .priority = nftnl_chain_get_s32(chain.get(), NFTNL_CHAIN_PRIO),
          .policy = nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_POLICY)};
}

struct SeenRule {
  std::string user_data;
  std::string form;  // all of it but its counter
  std::uint64_t packets = 0;
};

std::string text_of(const nftnl_expr* expression) {
  std::array<char, 512> text{};
  nftnl_expr_snprintf(text.data(), text.size(), expression, NFTNL_OUTPUT_DEFAULT, 0);
  return text.data();
}

SeenRule rule_in(const nlmsghdr& message) {
  const auto rule = owned(nftnl_rule_alloc());
  if (nftnl_rule_nlmsg_parse(&message, rule.get()) != 0) return {};
  SeenRule seen;
  std::uint32_t size = 0;
  if (const auto* data = nftnl_rule_get_data(rule.get(), NFTNL_RULE_USERDATA, &size)) {
    seen.user_data.assign(static_cast<const char*>(data), size);
  }
  seen.form = fmt::format("{} {}", nftnl_rule_get_u64(rule.get(), NFTNL_RULE_HANDLE), seen.user_data);
  const auto expressions = owned(nftnl_expr_iter_create(rule.get()));
  while (const auto* expression = nftnl_expr_iter_next(expressions.get())) {
    const std::string_view name = nftnl_expr_get_str(expression, NFTNL_EXPR_NAME);
    seen.form += name;
    if (name == "counter") {
      seen.packets += nftnl_expr_get_u64(expression, NFTNL_EXPR_CTR_PACKETS);
    } else {
      seen.form += text_of(expression);
    }
  }
  return seen;
}

struct SeenElement {
  bool there = false;
  std::chrono::milliseconds timeout{};  // 0: it has no end
};

// Asked for an element that is not there, a set of intervals answers with the nearest.
SeenElement element_in(const nlmsghdr& message, const Element& wanted) {
  const auto set = owned(nftnl_set_alloc());
  if (nftnl_set_elems_nlmsg_parse(&message, set.get()) != 0) return {};
  const auto elements = owned(nftnl_set_elems_iter_create(set.get()));
  while (auto* element = nftnl_set_elems_iter_next(elements.get())) {
    std::uint32_t size = 0;
    const auto* key = static_cast<const unsigned char*>(nftnl_set_elem_get(element, NFTNL_SET_ELEM_KEY, &size));
    if (key == nullptr || size != size_of(wanted.first.family())) continue;
    if (Address::from_bytes(wanted.first.family(), key) != wanted.first) continue;
    // What is not set cannot be asked for in libnftnl 1.2.4.
    if (nftnl_set_elem_is_set(element, NFTNL_SET_ELEM_FLAGS) &&
        (nftnl_set_elem_get_u32(element, NFTNL_SET_ELEM_FLAGS) & NFT_SET_ELEM_INTERVAL_END) != 0) {
      continue;
    }
    if (!nftnl_set_elem_is_set(element, NFTNL_SET_ELEM_TIMEOUT)) return {.there = true};
    return {true, std::chrono::milliseconds(nftnl_set_elem_get_u64(element, NFTNL_SET_ELEM_TIMEOUT))};
  }
  return {};
}

std::optional<std::uint64_t> count_in(const nlmsghdr& message) {
  std::optional<std::uint64_t> count;
  const auto look = [](const nlattr* attribute, void* to) {
    if (mnl_attr_get_type(attribute) == set_count_attribute && mnl_attr_validate(attribute, MNL_TYPE_U32) == 0) {
      *static_cast<std::optional<std::uint64_t>*>(to) = ntohl(mnl_attr_get_u32(attribute));
    }
    return MNL_CB_OK;
  };
  mnl_attr_parse(&message, sizeof(nfgenmsg), look, &count);
  return count;
}

// --- In words

Outcome::Kind kind_of(Errno error) {
  switch (error) {
    case 0:
      return Outcome::Kind::done;
    case ENOBUFS:
      return Outcome::Kind::unknown;
    case ENOENT:
      return Outcome::Kind::missing;
    case ENFILE:
    case ENOMEM:
    case ENOSPC:
      return Outcome::Kind::full;
    case EMSGSIZE:
      return Outcome::Kind::too_long;
    case EPERM:
    case EACCES:
      return Outcome::Kind::denied;
    default:
      return Outcome::Kind::refused;
  }
}

std::string sentence(Outcome::Kind kind, const std::string& table, Errno error) {
  switch (kind) {
    case Outcome::Kind::done:
      return {};
    case Outcome::Kind::unknown:
      return "the kernel's answer was lost";
    case Outcome::Kind::missing:
      return fmt::format("table inet {} is not there, or not all of it", table);
    case Outcome::Kind::full:
      return fmt::format("there is no room for more in table inet {} ({})", table, reason_of(error));
    case Outcome::Kind::too_long:
      return "that is more than the kernel takes at a time";
    case Outcome::Kind::denied:
      return fmt::format(
          "the kernel denies it ({}): mxwarden-firewall needs CAP_NET_ADMIN, and table inet {} must not "
          "be another program's own",
          reason_of(error), table);
    case Outcome::Kind::refused:
      break;
  }
  return fmt::format("the kernel refuses it: {}", reason_of(error));
}

// What the kernel would do to a canary is worse: that of a hash it would give an end.
bool touches_a_canary(std::span<const Change> changes) {
  std::array<Address, all_sets.size()> canaries;
  std::ranges::transform(all_sets, canaries.begin(), [](Set set) { return canary(set).first; });
  return std::ranges::any_of(changes, [&](const Change& change) {
    const auto& kept = canaries[static_cast<std::size_t>(change.element.set)];
    return change.element.first <= kept && kept <= change.element.last;
  });
}

Outcome canary_refused() {
  return {Outcome::Kind::refused, "an element of a canary's address is refused"};
}

Error cannot_begin(Errno error) {
  if (kind_of(error) == Outcome::Kind::denied) {
    return Error{
        "the kernel does not let this user change nftables: mxwarden-firewall needs CAP_NET_ADMIN; start it as root, "
        "or "
        "by its systemd unit"};
  }
  return Error{
      fmt::format("nftables cannot be reached ({}): the kernel needs nf_tables with the family inet; `modprobe "
                  "nf_tables' loads it where it is a module",
                  reason_of(error))};
}

}  // namespace

struct Nftables::State {
  Outcome outcome(Errno error) const {
    const auto kind = kind_of(error);
    return {kind, sentence(kind, table, error)};
  }

  Errno remove_table(const std::string& name);
  Errno try_out();
  bool refreshes_in_one_step(const std::string& scratch, std::span<const Change> there);
  Errno take_out(std::span<const Change> changes);
  Errno replace(std::span<const Change> changes);
  Errno replace_in_two_steps(std::span<const Change> changes);

  Errno ask_for_table(std::uint32_t& flags);
  Errno ask_for(const std::string& in_table, const Element& element, SeenElement& seen);

  // Each says whether there is something to be seen further.
  bool went_well(Errno error, std::string_view what, Health& health) const;
  bool found_amiss(std::string_view what, Health& health) const;
  bool see_table(Health& health);
  bool is_foreign();
  bool see_chain(Health& health);
  bool see_rules(Health& health);
  bool see_canaries(Health& health);
  void see_counts(Health& health);

  std::string table;
  Socket socket;
  bool one_step = false;
  std::optional<Layout> made;        // by the last rebuild()
  std::vector<SeenRule> made_rules;  // nothing: not seen yet
};

// As one, so that it does not matter whether there is one.
Errno Nftables::State::remove_table(const std::string& name) {
  auto transaction = socket.begin();
  put_table(transaction, NFT_MSG_NEWTABLE, name);
  put_table(transaction, NFT_MSG_DELTABLE, name);
  return socket.commit(std::move(transaction));
}

// What the kernel does is tried, and not looked up by its version: distributions carry changes back. In a table without
// a chain, which no packet meets.
Errno Nftables::State::try_out() {
  const Layout scratch{.table = fmt::format("{}_probe_{}", table, ::getpid())};
  std::vector<Change> there{{canary(Set::ban4), std::chrono::minutes(1)}, {canary(Set::net4), std::chrono::minutes(1)}};
  auto transaction = socket.begin();
  put_table(transaction, NFT_MSG_NEWTABLE, scratch.table);
  for (const auto& change : there) {
    put_set(transaction, scratch.table, form_of(change.element.set, scratch));
    put_elements(transaction, NFT_MSG_NEWSETELEM, scratch.table, change.element.set, there, comes);
  }
  const Errno error = socket.commit(std::move(transaction));
  one_step = error == 0 && refreshes_in_one_step(scratch.table, there);
  const Errno removed = remove_table(scratch.table);
  return error != 0 ? error : removed;
}

bool Nftables::State::refreshes_in_one_step(const std::string& scratch, std::span<const Change> there) {
  constexpr Duration another = std::chrono::minutes(2);
  std::vector<Change> changes;
  for (const auto& change : there) {
    const auto missing = behind(change.element.last).value();
    changes.push_back({change.element, another});
    changes.push_back({{change.element.set, missing, missing}, std::nullopt});
  }
  auto transaction = socket.begin();
  put_replacements(transaction, scratch, changes);
  if (socket.commit(std::move(transaction)) != 0) return false;
  return std::ranges::all_of(changes, [&](const Change& change) {
    SeenElement seen;
    const Errno error = ask_for(scratch, change.element, seen);
    if (goes(change)) return !seen.there && (error == 0 || error == ENOENT);
    return seen.there && seen.timeout == another;
  });
}

Errno Nftables::State::replace(std::span<const Change> changes) {
  auto transaction = socket.begin(3 * changes.size());
  put_replacements(transaction, table, changes);
  return socket.commit(std::move(transaction));
}

// One that is not there undoes the others: then by halves, until it stands alone.
Errno Nftables::State::take_out(std::span<const Change> changes) {
  if (changes.empty()) return 0;
  auto transaction = socket.begin(changes.size());
  for (const auto set : all_sets) {
    put_elements(transaction, NFT_MSG_DELSETELEM, table, set, changes, [](const Change&) { return true; });
  }
  const Errno error = socket.commit(std::move(transaction));
  if (error != ENOENT) return error;
  if (changes.size() == 1) return 0;
  const auto half = changes.size() / 2;
  if (const Errno first = take_out(changes.first(half)); first != 0) return first;
  return take_out(changes.subspan(half));
}

// What goes is taken out first, as in put_replacements().
Errno Nftables::State::replace_in_two_steps(std::span<const Change> changes) {
  std::uint32_t flags = 0;
  if (const Errno error = ask_for_table(flags); error != 0) return error;
  std::vector<Change> ordered(changes.begin(), changes.end());
  const std::span<const Change> coming(std::stable_partition(ordered.begin(), ordered.end(), goes), ordered.end());
  const auto going = std::span<const Change>(ordered).first(ordered.size() - coming.size());
  if (const Errno error = take_out(going); error != 0) return error;
  if (coming.empty()) return 0;
  if (const Errno error = take_out(coming); error != 0) return error;
  auto transaction = socket.begin(changes.size());
  for (const auto set : all_sets) put_elements(transaction, NFT_MSG_NEWSETELEM, table, set, changes, comes);
  return socket.commit(std::move(transaction));
}

Errno Nftables::State::ask_for_table(std::uint32_t& flags) {
  return socket.ask(
      NFT_MSG_GETTABLE, 0, [&](nlmsghdr* message) { mnl_attr_put_strz(message, NFTA_TABLE_NAME, table.c_str()); },
      [&](const nlmsghdr& message) {
        const auto seen = owned(nftnl_table_alloc());
        if (nftnl_table_nlmsg_parse(&message, seen.get()) != 0) return;
        flags = nftnl_table_get_u32(seen.get(), NFTNL_TABLE_FLAGS);
      });
}

Errno Nftables::State::ask_for(const std::string& in_table, const Element& element, SeenElement& seen) {
  return socket.ask(
      NFT_MSG_GETSETELEM, 0,
      [&](nlmsghdr* message) {
        put_list(message, in_table, to_string(element.set), [&] {
          auto* nest = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
          put_key(message, element.first.bytes().data(), size_of(element.first.family()));
          mnl_attr_nest_end(message, nest);
          return false;
        });
      },
      [&](const nlmsghdr& message) { seen = element_in(message, element); });
}

bool Nftables::State::found_amiss(std::string_view what, Health& health) const {
  health.whole = false;
  health.why = fmt::format("in nftables' table inet {} {}", table, what);
  return false;
}

bool Nftables::State::went_well(Errno error, std::string_view what, Health& health) const {
  if (error == 0) return true;
  if (error == ENOENT) return found_amiss(fmt::format("{} is missing", what), health);
  health.asked = false;
  health.why = fmt::format("nftables cannot be asked: {}", sentence(kind_of(error), table, error));
  return false;
}

bool Nftables::State::see_table(Health& health) {
  std::uint32_t flags = 0;
  const Errno error = ask_for_table(flags);
  if (error == ENOENT) {
    health.whole = health.drops = false;
    health.why = fmt::format("nftables has no table inet {}", table);
    return false;
  }
  if (!went_well(error, "itself", health)) return false;
  if ((flags & NFT_TABLE_F_DORMANT) == 0) return true;
  health.drops = false;
  return found_amiss("nothing is done, as it is dormant", health);
}

bool Nftables::State::see_chain(Health& health) {
  SeenChain seen;
  const Errno error = socket.ask(
      NFT_MSG_GETCHAIN, 0,
      [&](nlmsghdr* message) {
        mnl_attr_put_strz(message, NFTA_CHAIN_TABLE, table.c_str());
        mnl_attr_put_strz(message, NFTA_CHAIN_NAME, chain_text().c_str());
      },
      [&](const nlmsghdr& message) { seen = chain_in(message); });
  if (error == ENOENT) {
    health.drops = false;
    health.foreign = !made && is_foreign();
  }
  if (health.foreign) {
    return found_amiss("is nothing of ours: it is another's; delete it, or name another in [firewall] table", health);
  }
  if (!went_well(error, fmt::format("chain {}", chain_name), health)) return false;
  const bool as_made =
      seen.base && seen.policy == NF_ACCEPT &&
      (!made || (seen.hook == number_of(made->hook) && seen.priority == static_cast<std::int32_t>(made->priority)));
  return as_made || found_amiss(fmt::format("chain {} is not as it was made", chain_name), health);
}

// A table without our chain, and without our largest set.
bool Nftables::State::is_foreign() {
  return ENOENT == socket.ask(
                       NFT_MSG_GETSET, 0,
                       [&](nlmsghdr* message) {
                         mnl_attr_put_strz(message, NFTA_SET_TABLE, table.c_str());
                         mnl_attr_put_strz(message, NFTA_SET_NAME, std::string(to_string(Set::ban4)).c_str());
                       },
                       [](const nlmsghdr&) {});
}

// A rule that replaces another keeps its handle (6.18), so that all of it is compared.
bool Nftables::State::see_rules(Health& health) {
  std::vector<SeenRule> rules;
  const Errno error = socket.ask(
      NFT_MSG_GETRULE, NLM_F_DUMP,
      [&](nlmsghdr* message) {
        mnl_attr_put_strz(message, NFTA_RULE_TABLE, table.c_str());
        mnl_attr_put_strz(message, NFTA_RULE_CHAIN, chain_text().c_str());
      },
      [&](const nlmsghdr& message) { rules.push_back(rule_in(message)); });
  if (!went_well(error, "its rules", health)) return false;
  for (const auto& rule : rules) health.dropped += rule.packets;
  const bool as_made = made_rules.empty()
                           ? std::ranges::equal(rules, rule_comments, {}, &SeenRule::user_data, user_data)
                           : std::ranges::equal(rules, made_rules, {}, &SeenRule::form, &SeenRule::form);
  if (!as_made) return found_amiss(fmt::format("the rules of chain {} are not as they were made", chain_name), health);
  if (made) made_rules = std::move(rules);
  return true;
}

bool Nftables::State::see_canaries(Health& health) {
  return std::ranges::all_of(all_sets, [&](Set set) {
    SeenElement seen;
    const auto element = canary(set);
    const auto what = fmt::format("{} in set {}", element.first.to_string(), to_string(set));
    if (!went_well(ask_for(table, element, seen), what, health)) return false;
    return (seen.there && seen.timeout.count() == 0) || found_amiss(fmt::format("{} is missing", what), health);
  });
}

// What the kernel does not say is left out.
void Nftables::State::see_counts(Health& health) {
  for (const auto set : all_sets) {
    (void)socket.ask(
        NFT_MSG_GETSET, 0,
        [&](nlmsghdr* message) {
          mnl_attr_put_strz(message, NFTA_SET_TABLE, table.c_str());
          mnl_attr_put_strz(message, NFTA_SET_NAME, std::string(to_string(set)).c_str());
        },
        [&](const nlmsghdr& message) { health.elements[static_cast<std::size_t>(set)] = count_in(message); });
  }
}

Result<std::unique_ptr<Nftables>> Nftables::open(std::string table) {
  auto state = std::make_unique<State>();
  state->table = std::move(table);
  if (const Errno error = Socket::open(state->socket); error != 0) return cannot_begin(error);
  if (const Errno error = state->try_out(); error != 0) return cannot_begin(error);
  return std::unique_ptr<Nftables>(new Nftables(std::move(state)));
}

Nftables::Nftables(std::unique_ptr<State> state) : state_(std::move(state)) {}
Nftables::~Nftables() = default;

Outcome Nftables::rebuild(const Layout& layout, std::span<const Change> elements) {
  if (touches_a_canary(elements)) return canary_refused();
  auto transaction = state_->socket.begin(elements.size());
  put_table(transaction, NFT_MSG_NEWTABLE, layout.table);
  put_table(transaction, NFT_MSG_DELTABLE, layout.table);
  put_table(transaction, NFT_MSG_NEWTABLE, layout.table);
  for (const auto set : all_sets) {
    const Change kept{canary(set), std::nullopt};
    put_set(transaction, layout.table, form_of(set, layout));
    put_elements(transaction, NFT_MSG_NEWSETELEM, layout.table, set, {&kept, 1}, goes);
    put_elements(transaction, NFT_MSG_NEWSETELEM, layout.table, set, elements, comes);
  }
  put_ports(transaction, layout);
  put_chain(transaction, layout);
  put_rules(transaction, layout);
  auto outcome = state_->outcome(state_->socket.commit(std::move(transaction)));
  if (outcome.ok() || outcome.kind == Outcome::Kind::unknown) {
    state_->table = layout.table;
    state_->made = layout;
    state_->made_rules.clear();
    // It remembers the rules.
    (void)check();
  }
  return outcome;
}

Outcome Nftables::commit(std::span<const Change> changes) {
  if (changes.empty()) return {};
  if (touches_a_canary(changes)) return canary_refused();
  return state_->outcome(state_->one_step ? state_->replace(changes) : state_->replace_in_two_steps(changes));
}

Health Nftables::check() {
  Health health;
  if (state_->see_table(health) && state_->see_chain(health) && state_->see_rules(health) &&
      state_->see_canaries(health)) {
    state_->see_counts(health);
  }
  return health;
}

Outcome Nftables::remove() {
  if (const auto health = check(); health.foreign) return {Outcome::Kind::refused, health.why};
  return state_->outcome(state_->remove_table(state_->table));
}

void Nftables::refresh_in_two_steps() {
  state_->one_step = false;
}

}  // namespace mxwarden::firewall
