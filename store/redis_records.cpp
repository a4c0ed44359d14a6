#include "store/redis_records.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/escape.hpp"

namespace mxwarden::store {
namespace {

using namespace std::chrono_literals;

constexpr Duration poll_interval = 100ms;
constexpr Duration current_for = 2s;       // after an answer
constexpr Duration refused_pause = 1s;     // after an error that the next question will meet, too
constexpr Duration shortest_reading = 1s;  // nobody waits for it, so it may take longer than a write

// Decisions wait for a page, here and in Redis, each of them two or three times; so pages are small, and there is room
// between them. (100,000 records take some seconds then.)
constexpr std::size_t names_at_once = 64;
constexpr std::size_t first_texts_at_once = 12;  // until it is known how large they are
constexpr std::size_t most_texts_at_once = 12;
constexpr Duration between_pages = 250us;
constexpr std::size_t most_bytes_at_once = 64 * 1024;
constexpr std::size_t looked_at_once = 128;

// In each round of writes that meet, one is done: so many nodes may change a record at the same instant.
constexpr int most_tries = 16;

constexpr std::string_view maybe_done = "it may or may not have been done";
constexpr std::string_view not_done = "nothing was changed";

Error store_away(std::string_view why, std::string_view outcome) {
  return {fmt::format("store away: {}; {}", why.empty() ? "there is no connection to Redis" : why, outcome)};
}

}  // namespace

RedisRecords::RedisRecords(boost::asio::io_context& context, const Clock& clock, std::unique_ptr<RedisLocator> locator,
                           Options options)
    : RedisConnection(context, clock, std::move(locator), options, redis_record_script()),
      options_(std::move(options)),
      commands_(options_.prefix),
      book_(clock.now(), clock.wall_now()),
      deadline_timer_(context, [this] { deadline_came(); }),
      step_timer_(context, [this] { go_on(); }),
      texts_at_once_(first_texts_at_once) {}

RedisRecords::~RedisRecords() = default;

void RedisRecords::start() {
  open();
}

void RedisRecords::stop() {
  shut();
}

void RedisRecords::tick() {
  book_.tick(clock_.now(), clock_.wall_now());
}

bool RedisRecords::current() const {
  return complete_ && clock_.now() - answered_ <= current_for;
}

std::size_t RedisRecords::outstanding() const {
  auto number = in_flight_.size() - (asking_ ? 1 : 0);
  for (const auto& [name, writes] : waiting_) number += writes.size();
  return number;
}

// Writing.

void RedisRecords::update(RecordKind kind, const Prefix& net, Records::Change change, Updated done) {
  const RecordName name{kind, net};
  const auto text = name.to_string();
  const auto [waiting, none_in_flight] = waiting_.try_emplace(text);
  auto& writes = waiting->second;
  if (writes.empty() || !writes.back()->add(change, done)) {
    writes.push_back(std::make_unique<RedisRecordWrite>(name, std::move(change), std::move(done)));
  }
  if (none_in_flight) begin_next(text);
}

void RedisRecords::erase(RecordKind kind, const Prefix& net, Erased done) {
  const RecordName name{kind, net};
  const auto text = name.to_string();
  const auto [waiting, none_in_flight] = waiting_.try_emplace(text);
  waiting->second.push_back(std::make_unique<RedisRecordWrite>(name, std::move(done)));
  if (none_in_flight) begin_next(text);
}

// When none of this name is in flight any more.
void RedisRecords::begin_next(const std::string& name) {
  while (auto next = next_write(name)) {
    if (may_write()) return begin_write(std::move(next));
    next->fail(store_away(link_.trouble(), not_done));
  }
}

// Null: there is none; and the name is as if there had never been one.
std::unique_ptr<RedisRecordWrite> RedisRecords::next_write(const std::string& name) {
  const auto waiting = waiting_.find(name);
  if (waiting == waiting_.end()) return nullptr;
  auto& writes = waiting->second;
  if (writes.empty()) {
    waiting_.erase(waiting);
    return nullptr;
  }
  auto next = std::move(writes.front());
  writes.pop_front();
  return next;
}

bool RedisRecords::may_write() const {
  return !stopped_ && link_.takes_calls(clock_.now());
}

void RedisRecords::begin_write(std::unique_ptr<RedisRecordWrite> write) {
  const auto now = clock_.now();
  const auto& [kind, net] = write->name();
  write->expect_known(book_.find_net(kind, net, now), book_.wall(now));
  send_write({.deadline = now + options_.deadline, .write = std::move(write)});
}

void RedisRecords::send_write(Call call) {
  const auto script = call.with_text ? ScriptAs{"EVAL", redis_record_script()} : ScriptAs{"EVALSHA", link_.digest()};
  commands_.append_order(socket_.outgoing(), script, call.write->name(), call.write->order());
  await(std::move(call));
}

// The timer is set to the first deadline of all, or to one before it of a call that was answered.
void RedisRecords::await(Call call) {
  if (!awaited_ || call.deadline < *awaited_) {
    awaited_ = call.deadline;
    deadline_timer_.set(awaited_);
  }
  in_flight_.push_back(std::move(call));
  link_.called();
  socket_.send();
}

void RedisRecords::deadline_came() {
  awaited_.reset();
  if (stopped_ || in_flight_.empty()) return;
  const auto next = std::ranges::min_element(in_flight_, {}, &Call::deadline)->deadline;
  if (next <= clock_.now()) return lost("no answer in time");
  awaited_ = next;
  deadline_timer_.set(awaited_);
}

void RedisRecords::fail_all() {
  step_ = Step::nothing;
  asking_ = false;
  complete_ = false;
  awaited_.reset();
  deadline_timer_.set({});
  step_timer_.set({});
  const auto failed = std::exchange(in_flight_, {});
  const auto unsent = std::exchange(waiting_, {});
  for (const auto& call : failed) {
    if (call.write) call.write->fail(store_away(link_.trouble(), maybe_done));
  }
  for (const auto& [name, writes] : unsent) {
    for (const auto& write : writes) write->fail(store_away(link_.trouble(), not_done));
  }
}

void RedisRecords::tell_changes() {
  if (link_.state() == RedisLink::State::ready && step_ == Step::nothing) begin_copy();
}

void RedisRecords::received(const RedisReply& reply) {
  if (takes(reply)) return;
  if (in_flight_.empty()) return lost("a reply to nothing that was asked");
  auto call = std::move(in_flight_.front());
  in_flight_.pop_front();
  call.write ? take_write(std::move(call), reply) : take_read(reply);
}

void RedisRecords::take_write(Call call, const RedisReply& reply) {
  if (reply.is_error()) return refuse_write(std::move(call), reply.text());
  const auto name = call.write->name().to_string();
  const auto outcome = read_order_outcome(reply);
  if (!outcome) {
    const auto action = link_.lost("an answer that the script does not give", clock_.now());
    call.write->fail(store_away(link_.trouble(), maybe_done));
    return follow(action);
  }
  link_.answered();
  if (!outcome->id && !call.write->stays(outcome->there)) return try_again(std::move(call.write), outcome->there);
  if (outcome->id) written(*call.write, *outcome->id);
  call.write->succeed(!outcome->there.empty());
  begin_next(name);
}

void RedisRecords::written(const RedisRecordWrite& write, ChangeId id) {
  const auto& name = write.name();
  own_[name.to_string()] = id;
  if (const auto& record = write.outcome()) {
    see(name);
    keep(*record);
  } else {
    book_.erase(name.kind, name.net);
  }
}

// Something else is there than was expected.
void RedisRecords::try_again(std::unique_ptr<RedisRecordWrite> write, std::string_view there) {
  const auto name = write->name().to_string();
  const auto now = clock_.now();
  if (write->tries() < most_tries && may_write()) {
    write->expect_there(there, book_.wall(now));
    return send_write({.deadline = now + options_.deadline, .write = std::move(write)});
  }
  write->fail(may_write()
                  ? Error{fmt::format("other nodes have changed {} {} times meanwhile; {}", name, most_tries, not_done)}
                  : store_away(link_.trouble(), not_done));
  begin_next(name);
}

void RedisRecords::refuse_write(Call call, std::string_view error) {
  const auto trouble = understand_redis_error(error);
  if (trouble.remedy == RedisRemedy::send_script && !call.with_text) {
    call.with_text = true;
    return send_write(std::move(call));
  }
  const auto action = link_.troubled(trouble, error, clock_.now());
  // First the link, so that what is written next is not sent over a connection that is lost.
  // What the ACL denies may be the script's second command.
  const bool half_way = trouble.remedy == RedisRemedy::wait_for_administrator;
  const auto name = call.write->name().to_string();
  call.write->fail(store_away(link_.trouble(), half_way ? maybe_done : not_done));
  follow(action);
  begin_next(name);
}

// The copy.

void RedisRecords::begin_copy() {
  complete_ = false;
  step_ = Step::last_change;
  for (auto& nets : seen_) nets = {};
  go_on();
}

void RedisRecords::go_on_after(Duration pause) {
  step_timer_.set(clock_.now() + pause);
}

// While Redis rests it is not asked either.
void RedisRecords::go_on() {
  if (stopped_ || asking_ || step_ == Step::nothing) return;
  if (step_ == Step::leave) return let_leave();
  const auto now = clock_.now();
  if (!link_.takes_calls(now)) return go_on_after(poll_interval);
  auto& to = socket_.outgoing();
  switch (step_) {
    case Step::last_change:
      commands_.append_last_change(to);
      break;
    case Step::index:
      commands_.append_index_page(to, cursor_, names_at_once);
      break;
    case Step::texts:
      commands_.append_texts(to, asked_);
      break;
    case Step::catch_up:
    case Step::follow:
      commands_.append_changes(to, heard_, texts_at_once_ + 1);
      break;
    case Step::nothing:
    case Step::leave:
      return;
  }
  asking_ = true;
  await({.deadline = now + std::max(options_.deadline, shortest_reading), .write = nullptr});
}

void RedisRecords::take_read(const RedisReply& reply) {
  asking_ = false;
  const auto now = clock_.now();
  if (!reply.is_error()) {
    if (!take_step(reply)) return follow(link_.lost("an answer to another question than that for records", now));
    link_.answered();
    return;
  }
  const auto trouble = understand_redis_error(reply.text());
  if (trouble.remedy == RedisRemedy::none || trouble.remedy == RedisRemedy::wait_for_administrator) {
    refused_.warn(fmt::format("redis {}: records cannot be read: {}", server_.name, reply.text()), now);
  }
  const auto action = link_.troubled(trouble, reply.text(), now);
  complete_ = false;
  step_ = Step::last_change;
  for (auto& nets : seen_) nets = {};
  go_on_after(refused_pause);
  follow(action);
}

// False: the answer has another form.
bool RedisRecords::take_step(const RedisReply& reply) {
  switch (step_) {
    case Step::last_change:
      return take_last_change(reply);
    case Step::index:
      return take_index_page(reply);
    case Step::texts:
      return take_texts(reply);
    case Step::catch_up:
    case Step::follow:
      return take_changes(reply);
    case Step::nothing:
    case Step::leave:
      break;
  }
  return false;
}

bool RedisRecords::take_last_change(const RedisReply& reply) {
  const auto changes = read_changes(reply);
  if (!changes || changes->size() > 1) return false;
  heard_.reset();
  if (!changes->empty()) heard_ = changes->front().id;
  own_.clear();  // none of them is later
  cursor_ = "0";
  unread_.clear();
  step_ = Step::index;
  go_on();
  return true;
}

bool RedisRecords::take_index_page(const RedisReply& reply) {
  auto page = read_index_page(reply);
  if (!page) return false;
  cursor_ = std::move(page->next_cursor);
  std::ranges::move(page->names, std::back_inserter(unread_));
  next_page();
  return true;
}

// First names, until there are enough of them for a page of texts.
void RedisRecords::next_page() {
  const auto some = std::min(texts_at_once_, unread_.size());
  if (some < texts_at_once_ && cursor_ != "0") {
    step_ = Step::index;
  } else if (some > 0) {
    const auto first = unread_.end() - static_cast<std::ptrdiff_t>(some);
    asked_.assign(std::move_iterator(first), std::move_iterator(unread_.end()));
    unread_.erase(first, unread_.end());
    step_ = Step::texts;
  } else {
    step_ = Step::catch_up;
  }
  go_on_after(between_pages);
}

bool RedisRecords::take_texts(const RedisReply& reply) {
  if (reply.size() != asked_.size()) return false;
  std::size_t bytes = 0;
  for (std::size_t at = 0; at < asked_.size(); ++at) {
    const auto name = RecordName::parse(asked_[at]);
    if (!name) {
      pass_over(asked_[at], "its name is none of a record");
      continue;
    }
    see(*name);
    if (reply[at].kind() == RedisReply::Kind::text) take_text(*name, reply[at].text());
    bytes += reply[at].text().size();
  }
  weigh(bytes);
  next_page();
  return true;
}

// So many bytes came at once.
void RedisRecords::weigh(std::size_t bytes) {
  texts_at_once_ = bytes > most_bytes_at_once ? std::max<std::size_t>(texts_at_once_ / 2, 1)
                                              : std::min(texts_at_once_ * 2, most_texts_at_once);
}

bool RedisRecords::take_changes(const RedisReply& reply) {
  const auto changes = read_changes(reply);
  if (!changes) return false;
  const bool gap = heard_ ? changes->empty() || changes->front().id != *heard_ : !changes->empty();
  if (gap) {
    begin_copy();
    return true;
  }
  answered_ = clock_.now();
  std::size_t bytes = 0;
  for (std::size_t at = 1; at < changes->size(); ++at) {
    take_change((*changes)[at]);
    bytes += (*changes)[at].text.size();
  }
  if (!changes->empty()) heard_ = changes->back().id;
  const bool all = changes->size() <= texts_at_once_;
  weigh(bytes);
  if (!all) {
    go_on_after(between_pages);
  } else if (step_ == Step::catch_up) {
    step_ = Step::leave;
    leaving_ = 0;
    leaving_after_.reset();
    go_on_after({});
  } else {
    go_on_after(poll_interval);
  }
  return true;
}

void RedisRecords::take_change(const HeardChange& change) {
  const auto own = own_.find(std::string(change.name));
  if (own != own_.end() && change.id <= own->second) {
    if (change.id == own->second) own_.erase(own);
    return;
  }
  const auto name = RecordName::parse(change.name);
  if (!name) return pass_over(change.name, "its name is none of a record");
  if (change.text.empty()) {
    book_.erase(name->kind, name->net);
  } else {
    see(*name);
    take_text(*name, change.text);
  }
}

void RedisRecords::take_text(const RecordName& name, std::string_view text) {
  auto record = read_record(name, text);
  record ? keep(std::move(*record)) : pass_over(name.to_string(), record.error().message);
}

// Followers hear of what is different.
void RedisRecords::keep(Record record) {
  const auto now = clock_.now();
  const auto known = book_.find_net(record.kind(), record.net, now);
  if (known == nullptr || *known != record) book_.put(std::move(record), now);
}

void RedisRecords::see(const RecordName& name) {
  if (step_ != Step::follow) seen_[static_cast<std::size_t>(name.kind)].of(name.net).insert(name.net);
}

void RedisRecords::pass_over(std::string_view name, std::string_view why) {
  passed_over_.warn(
      fmt::format("redis {}: the record {} is passed over: {}", server_.name, quoted(commands_.key(name)), why),
      clock_.now());
}

void RedisRecords::let_leave() {
  const auto kind = static_cast<RecordKind>(leaving_);
  const auto page = book_.list(kind, leaving_after_ ? &*leaving_after_ : nullptr, looked_at_once, clock_.now());
  for (const auto& entry : page) {
    if (!seen_[leaving_].of(entry->net).contains(entry->net)) book_.erase(kind, entry->net);
  }
  if (page.size() == looked_at_once) {
    leaving_after_ = page.back()->net;
  } else {
    leaving_after_.reset();
    ++leaving_;
  }
  if (leaving_ < record_kinds) return go_on_after(between_pages);
  for (auto& nets : seen_) nets = {};
  step_ = Step::follow;
  complete_ = true;
  go_on();
}

}  // namespace mxwarden::store
