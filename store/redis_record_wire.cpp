#include "store/redis_record_wire.hpp"

#include <array>
#include <charconv>
#include <utility>

namespace mxwarden::store {
namespace {

constexpr std::string_view version = ":r1{records}";

// What fails because of a key of another type does so before the first write: ZRANGEBYSCORE, XADD, XRANGE. An erasure
// begins with DEL, as Redis refuses XADD when it is full, but not behind a write (Redis 7.0, script.c). MGET, unlike
// GET, takes a key of another type for none.
constexpr std::string_view script = R"lua(
local record, index, changes = KEYS[1], KEYS[2], KEYS[3]
local name, what, expected, text, ends = unpack(ARGV)
local there = redis.call('MGET', record)[1] or ''
if what == 'look' or what == 'replace' and there ~= expected then return {'', there} end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local over = redis.call('ZRANGEBYSCORE', index, '-inf', string.format('%.0f', now), 'LIMIT', 0, 100)
local id
if what == 'erase' or text == '' then
  text = ''
  redis.call('XRANGE', changes, '-', '-')
  redis.call('DEL', record)
  id = redis.call('XADD', changes, 'MAXLEN', '~', 10000, '*', 'of', name)
  over[#over + 1] = name
else
  id = redis.call('XADD', changes, 'MAXLEN', '~', 10000, '*', 'of', name, 'record', text)
end
if #over > 0 then redis.call('ZREM', index, unpack(over)) end
if text ~= '' then
  redis.call('SET', record, text)
  redis.call('PEXPIREAT', record, ends)
  redis.call('ZADD', index, ends, name)
end
local last = redis.call('ZRANGE', index, -1, -1, 'WITHSCORES')[2]
local ends_all = string.format('%.0f', now + 86400000)
if last and tonumber(last) > tonumber(ends_all) then ends_all = last end
redis.call('PEXPIREAT', index, ends_all)
redis.call('PEXPIREAT', changes, ends_all)
return {id, there}
)lua";

template <class Number>
bool parse_number(std::string_view text, Number& number) {
  const auto end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  return parsed.ec == std::errc() && parsed.ptr == end;
}

bool is_text(const RedisReply& reply) {
  return reply.kind() == RedisReply::Kind::text;
}

bool is_array(const RedisReply& reply) {
  return reply.kind() == RedisReply::Kind::array;
}

std::optional<HeardChange> read_change(const RedisReply& entry) {
  if (entry.size() != 2 || !is_text(entry[0]) || !is_array(entry[1]) || entry[1].size() % 2 != 0) return std::nullopt;
  const auto id = ChangeId::parse(entry[0].text());
  if (!id) return std::nullopt;
  HeardChange change{.id = *id, .name = {}, .text = {}};
  const auto fields = entry[1];
  for (std::size_t at = 0; at < fields.size(); at += 2) {
    if (fields[at].text() == "of") change.name = fields[at + 1].text();
    if (fields[at].text() == "record") change.text = fields[at + 1].text();
  }
  return change;
}

}  // namespace

std::string_view redis_record_script() {
  return script;
}

std::optional<RecordName> RecordName::parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == text.npos) return std::nullopt;
  const auto kind = parse_record_kind(text.substr(0, slash));
  const auto net = Prefix::parse(text.substr(slash + 1));
  if (!kind || !net) return std::nullopt;
  return RecordName{*kind, *net};
}

std::string RecordName::to_string() const {
  std::string text(store::to_string(kind));
  text += '/';
  net.append_to(text);
  return text;
}

std::optional<ChangeId> ChangeId::parse(std::string_view text) {
  const auto dash = text.find('-');
  if (dash == text.npos) return std::nullopt;
  ChangeId id;
  if (!parse_number(text.substr(0, dash), id.milliseconds)) return std::nullopt;
  if (!parse_number(text.substr(dash + 1), id.number)) return std::nullopt;
  return id;
}

std::string ChangeId::to_string() const {
  return std::to_string(milliseconds) + '-' + std::to_string(number);
}

RedisRecordCommands::RedisRecordCommands(const std::string& prefix)
    : common_(prefix + std::string(version)), index_(key("index")), changes_(key("changes")) {}

void RedisRecordCommands::append_order(std::string& to, const ScriptAs& as, const RecordName& name,
                                       const RecordOrder& order) const {
  constexpr std::array<std::string_view, 3> words{"look", "replace", "erase"};
  const auto name_text = name.to_string();
  const auto record_key = key(name_text);
  const auto until = std::to_string(order.until);
  std::vector<std::string_view> arguments{
      as.command, as.script, "3", record_key, index_, changes_, name_text, words[static_cast<std::size_t>(order.what)]};
  if (order.what == RecordOrder::What::replace) {
    arguments.insert(arguments.end(), {order.expected, order.text, until});
  }
  append_command(to, arguments);
}

void RedisRecordCommands::append_last_change(std::string& to) const {
  append_command(to, {"XREVRANGE", changes_, "+", "-", "COUNT", "1"});
}

void RedisRecordCommands::append_index_page(std::string& to, std::string_view cursor, std::size_t count) const {
  append_command(to, {"ZSCAN", index_, cursor, "COUNT", std::to_string(count)});
}

void RedisRecordCommands::append_texts(std::string& to, const std::vector<std::string>& names) const {
  std::vector<std::string> keys;
  for (const auto& name : names) keys.push_back(key(name));
  std::vector<std::string_view> arguments{"MGET"};
  arguments.insert(arguments.end(), keys.begin(), keys.end());
  append_command(to, arguments);
}

void RedisRecordCommands::append_changes(std::string& to, std::optional<ChangeId> from, std::size_t count) const {
  append_command(to, {"XRANGE", changes_, from ? from->to_string() : "-", "+", "COUNT", std::to_string(count)});
}

std::optional<IndexPage> read_index_page(const RedisReply& reply) {
  if (reply.size() != 2 || !is_text(reply[0]) || !is_array(reply[1]) || reply[1].size() % 2 != 0) return std::nullopt;
  IndexPage page{.next_cursor = std::string(reply[0].text()), .names = {}};
  const auto members = reply[1];
  for (std::size_t at = 0; at < members.size(); at += 2) page.names.emplace_back(members[at].text());
  return page;
}

std::optional<OrderOutcome> read_order_outcome(const RedisReply& reply) {
  if (!is_array(reply) || reply.size() != 2 || !is_text(reply[0]) || !is_text(reply[1])) return std::nullopt;
  OrderOutcome outcome{.id = std::nullopt, .there = reply[1].text()};
  if (reply[0].text().empty()) return outcome;
  outcome.id = ChangeId::parse(reply[0].text());
  if (!outcome.id) return std::nullopt;
  return outcome;
}

std::optional<std::vector<HeardChange>> read_changes(const RedisReply& reply) {
  if (!is_array(reply)) return std::nullopt;
  std::vector<HeardChange> changes;
  for (std::size_t at = 0; at < reply.size(); ++at) {
    const auto change = read_change(reply[at]);
    if (!change || (!changes.empty() && change->id <= changes.back().id)) return std::nullopt;
    changes.push_back(*change);
  }
  return changes;
}

Result<Record> read_record(const RecordName& name, std::string_view text) {
  auto record = parse_record(text);
  if (record && RecordName{record->kind(), record->net} != name) return Error{"it is of another kind or net"};
  return record;
}

}  // namespace mxwarden::store
