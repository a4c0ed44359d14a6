#pragma once
// What every store::Records must do, wherever it keeps them: the promises of store/records.hpp and
// store/record_book.hpp as checks. An implementation passes if check_records_conformance() passes with a factory of
// fresh, empty ones, called from a test case of its own.
//
// Ends are said by the wall time of the clock that the factory gives. What a look-up finds at another time is asked by
// its `now`; two promises alone let time pass, which with a real clock waits for half a second at most.

#include <doctest/doctest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "store/records.hpp"

namespace mxwarden::tests {

struct RecordsUnderTest {
  const Clock* clock = nullptr;  // what `records` reads; stays as long as the functions here
  // Returns when every write that was asked for has been answered, and all that other places keep has been read.
  std::function<void()> run = [] {};
  // So much time passes on the clock, and what is to happen of itself meanwhile happens: a ManualClock is advanced, for
  // a real one it sleeps.
  std::function<void(Duration)> pass;
  // Another one on what the first has kept, which is gone by then. Empty: it keeps nothing.
  std::function<RecordsUnderTest()> reopen;
  std::unique_ptr<store::Records> records;  // the last, as what it uses may be held by the functions
};

using RecordsFactory = std::function<RecordsUnderTest()>;

inline Prefix net(const std::string& text) {
  return Prefix::parse(text).value();
}

inline Address address(const std::string& text) {
  return Address::parse(text).value();
}

// Writes and reads as the daemon does. Each write must be answered once, and without an error.
class RecordKeeper {
 public:
  explicit RecordKeeper(RecordsUnderTest under_test) : under_test_(std::move(under_test)) { run(); }

  // Of whole milliseconds, as they are kept.
  WallTime in(Duration from_now) const {
    return std::chrono::floor<std::chrono::milliseconds>(under_test_.clock->wall_now() + from_now);
  }
  store::Record ban(const std::string& of, const std::string& reason = "for a test",
                    Duration length = std::chrono::hours(1)) const {
    return {.net = net(of), .until = in(length), .what = store::Ban{.rule = "harvest", .reason = reason}};
  }
  store::Record grant(const std::string& of) const {
    const auto now = in({});
    return {.net = net(of),
            .until = in(std::chrono::hours(1)),
            .what = store::Grant{{{.name = "julia@example.com", .first = now, .last = now, .refreshes = 2}}}};
  }
  store::Record listing(const std::string& of) const {
    const auto now = in({});
    return {.net = net(of),
            .until = in(std::chrono::hours(1)),
            .what = store::Listing{.list = "zen.example.org",
                                   .reason = "open proxy",
                                   .client_name = "mail.example.net",
                                   .first = now,
                                   .last = now,
                                   .period_began = now,
                                   .hits_in_period = 3,
                                   .hits = 5'000'000'000}};
  }

  // Without waiting for the answer.
  void begin_put(store::Record record) { under_test_.records->put(std::move(record), expect_answer()); }
  // With what was answered, as soon as it is.
  std::shared_ptr<bool> begin_erase(store::RecordKind kind, const std::string& of) {
    auto was_there = std::make_shared<bool>();
    under_test_.records->erase(kind, net(of),
                               [was_there, answer = expect_answer()](const Result<bool>& erased) mutable {
                                 answer(erased ? Result<void>() : erased.error());
                                 *was_there = erased && *erased;
                               });
    return was_there;
  }
  // Likewise; the record, or null.
  std::shared_ptr<store::RecordBook::Entry> begin_update(store::RecordKind kind, const std::string& of,
                                                         store::Records::Change change) {
    auto made = std::make_shared<store::RecordBook::Entry>();
    under_test_.records->update(
        kind, net(of), std::move(change),
        [made, answer = expect_answer()](const Result<store::RecordBook::Entry>& updated) mutable {
          answer(updated ? Result<void>() : updated.error());
          if (updated) *made = *updated;
        });
    return made;
  }
  void run() {
    under_test_.run();
    CHECK(*answered_ == asked_);
  }
  void put(store::Record record) {
    begin_put(std::move(record));
    run();
  }
  // Whether it says that there was one.
  bool erase(store::RecordKind kind, const std::string& of) {
    const auto was_there = begin_erase(kind, of);
    run();
    return *was_there;
  }
  store::RecordBook::Entry update(store::RecordKind kind, const std::string& of, store::Records::Change change) {
    const auto made = begin_update(kind, of, std::move(change));
    run();
    return *made;
  }

  store::RecordBook& book() { return under_test_.records->book(); }
  bool current() const { return under_test_.records->current(); }
  Instant now() const { return under_test_.clock->now(); }
  // When the book takes it for that wall time.
  Instant at(WallTime time) { return now() + (time - book().wall(now())); }

  store::RecordBook::Entry find(store::RecordKind kind, const std::string& client) {
    return book().find(kind, address(client), now());
  }
  bool holds(const store::Record& record) {
    const auto found = book().find_net(record.kind(), record.net, now());
    return found != nullptr && *found == record;
  }
  // The nets of all that is listed, in pages of `most`.
  std::vector<std::string> list(store::RecordKind kind, std::size_t most) {
    std::vector<std::string> nets;
    store::RecordBook::Entry last;
    for (;;) {
      const auto page = book().list(kind, last ? &last->net : nullptr, most, now());
      CHECK(page.size() <= most);
      if (page.empty()) return nets;
      for (const auto& entry : page) nets.push_back(entry->net.to_string());
      last = page.back();
    }
  }

  void pass(Duration time) {
    under_test_.pass(time);
    under_test_.records->tick();
    run();
  }
  // False: it keeps nothing.
  bool reopen() {
    if (!under_test_.reopen) return false;
    under_test_.records.reset();
    CHECK(*answered_ == asked_);
    auto reopened = under_test_.reopen();
    under_test_ = std::move(reopened);
    run();
    return true;
  }

 private:
  store::Records::Done expect_answer() {
    ++asked_;
    return [answered = answered_, once = false](const Result<void>& result) mutable {
      CHECK_FALSE(once);
      once = true;
      ++*answered;
      const std::string error = result ? "" : result.error().message;
      CHECK(error == "");
    };
  }

  RecordsUnderTest under_test_;
  int asked_ = 0;
  std::shared_ptr<int> answered_ = std::make_shared<int>(0);
};

void check_records_conformance(const RecordsFactory& factory);

namespace conformance {

using namespace std::chrono_literals;
using namespace std::string_literals;
using store::Ban;
using store::Record;
using store::RecordKind;

inline void a_new_one_is_empty(RecordKeeper& keeper) {
  for (const auto kind : {RecordKind::ban, RecordKind::grant, RecordKind::listing}) {
    CHECK(keeper.find(kind, "192.0.2.1") == nullptr);
    CHECK(keeper.list(kind, 10).empty());
  }
  CHECK(keeper.current());
}

inline void what_is_put_is_found_as_it_was(RecordKeeper& keeper) {
  const Record records[] = {
      keeper.ban("192.0.2.0/24"),  keeper.ban("2001:db8::/64"), keeper.grant("192.0.2.1"),
      keeper.grant("2001:db8::1"), keeper.listing("192.0.2.1"), keeper.listing("2001:db8::/48"),
  };
  for (const auto& record : records) {
    const auto text = to_text(record);
    CAPTURE(text);
    keeper.put(record);
    CHECK(keeper.holds(record));
    const auto found = keeper.find(record.kind(), record.net.address().to_string());
    REQUIRE(found != nullptr);
    CHECK(*found == record);
  }
  for (const auto& record : records) CHECK(keeper.holds(record));
  CHECK(keeper.find(RecordKind::ban, "192.0.2.255") != nullptr);
  CHECK(keeper.find(RecordKind::ban, "192.0.3.0") == nullptr);
  CHECK(keeper.find(RecordKind::ban, "2001:db8::ffff:ffff:ffff:ffff") != nullptr);
  CHECK(keeper.find(RecordKind::ban, "2001:db8:0:1::") == nullptr);
}

inline void the_latest_takes_the_place(RecordKeeper& keeper) {
  keeper.put(keeper.ban("192.0.2.1", "first"));
  auto second = keeper.ban("192.0.2.1", "second", 2h);
  std::get<Ban>(second.what).offences = 2;
  keeper.put(second);
  CHECK(keeper.holds(second));
  CHECK(keeper.list(RecordKind::ban, 10).size() == 1);
  // Also if it ends sooner.
  const auto third = keeper.ban("192.0.2.1", "third", 1min);
  keeper.put(third);
  CHECK(keeper.holds(third));
  CHECK(keeper.book().find_net(RecordKind::ban, net("192.0.2.1"), keeper.at(third.until)) == nullptr);
}

inline void kinds_are_apart(RecordKeeper& keeper) {
  const auto ban = keeper.ban("192.0.2.1");
  const auto grant = keeper.grant("192.0.2.1");
  keeper.put(ban);
  CHECK(keeper.find(RecordKind::grant, "192.0.2.1") == nullptr);
  CHECK(keeper.find(RecordKind::listing, "192.0.2.1") == nullptr);
  keeper.put(grant);
  CHECK(keeper.holds(ban));
  keeper.erase(RecordKind::ban, "192.0.2.1");
  CHECK(keeper.holds(grant));
  CHECK_FALSE(keeper.holds(ban));
}

inline void families_are_apart(RecordKeeper& keeper) {
  // The same leading bits.
  keeper.put(keeper.ban("32.1.13.0/24"));
  CHECK(keeper.find(RecordKind::ban, "2001:d00::1") == nullptr);
  keeper.put(keeper.ban("::/0"));
  CHECK(keeper.find(RecordKind::ban, "192.0.2.1") == nullptr);
  CHECK(keeper.find(RecordKind::ban, "2001:d00::1") != nullptr);
}

inline void the_longest_prefix_wins(RecordKeeper& keeper) {
  for (const auto* of : {"192.0.0.0/16", "192.0.2.1", "0.0.0.0/0", "192.0.2.0/24"}) keeper.put(keeper.ban(of, of));
  const auto reason = [&](const std::string& client) {
    const auto found = keeper.find(RecordKind::ban, client);
    return found == nullptr ? std::string() : std::get<Ban>(found->what).reason;
  };
  CHECK(reason("192.0.2.1") == "192.0.2.1");
  CHECK(reason("192.0.2.2") == "192.0.2.0/24");
  CHECK(reason("192.0.3.1") == "192.0.0.0/16");
  CHECK(reason("198.51.100.1") == "0.0.0.0/0");
  keeper.erase(RecordKind::ban, "192.0.2.1");
  CHECK(reason("192.0.2.1") == "192.0.2.0/24");
  const auto wanted = keeper.book().find(RecordKind::ban, address("192.0.2.1"), keeper.now(),
                                         [](const Record& record) { return record.net.length() < 20; });
  REQUIRE(wanted != nullptr);
  CHECK(wanted->net == net("192.0.0.0/16"));
}

inline void what_is_erased_is_gone(RecordKeeper& keeper) {
  keeper.put(keeper.ban("192.0.2.0/24"));
  keeper.put(keeper.ban("192.0.2.0/25"));
  keeper.erase(RecordKind::ban, "192.0.2.0/24");
  CHECK(keeper.find(RecordKind::ban, "192.0.2.200") == nullptr);
  CHECK(keeper.find(RecordKind::ban, "192.0.2.1") != nullptr);
}

inline void erasing_says_whether_there_was_one(RecordKeeper& keeper) {
  CHECK_FALSE(keeper.erase(RecordKind::ban, "192.0.2.1"));
  keeper.put(keeper.ban("192.0.2.1"));
  CHECK_FALSE(keeper.erase(RecordKind::ban, "192.0.2.0/24"));
  CHECK(keeper.find(RecordKind::ban, "192.0.2.1") != nullptr);
  CHECK(keeper.erase(RecordKind::ban, "192.0.2.1"));
  CHECK_FALSE(keeper.erase(RecordKind::ban, "192.0.2.1"));
  CHECK(keeper.find(RecordKind::ban, "192.0.2.1") == nullptr);
}

inline void it_ends_to_the_millisecond(RecordKeeper& keeper) {
  const auto ban = keeper.ban("192.0.2.1", "short", 90s + 7ms);
  keeper.put(ban);
  const auto end = keeper.at(ban.until);
  const auto found = [&](Instant now) {
    const bool by_net = keeper.book().find_net(RecordKind::ban, ban.net, now) != nullptr;
    CHECK(by_net == (keeper.book().find(RecordKind::ban, address("192.0.2.1"), now) != nullptr));
    CHECK(by_net == !keeper.book().list(RecordKind::ban, nullptr, 10, now).empty());
    return by_net;
  };
  CHECK(found(end - 1ms));
  CHECK_FALSE(found(end));
  CHECK_FALSE(found(end + 1ms));
  CHECK_FALSE(found(end + 240h));
}

inline void an_inner_net_that_is_over_gives_way(RecordKeeper& keeper) {
  keeper.put(keeper.ban("192.0.2.0/24", "long", 2h));
  const auto inner = keeper.ban("192.0.2.1", "short", 1h);
  keeper.put(inner);
  const auto found = keeper.book().find(RecordKind::ban, address("192.0.2.1"), keeper.at(inner.until));
  REQUIRE(found != nullptr);
  CHECK(found->net == net("192.0.2.0/24"));
}

inline void what_is_over_leaves(RecordKeeper& keeper) {
  const auto lasting = keeper.ban("192.0.2.2");
  keeper.put(keeper.ban("192.0.2.1", "short", 400ms));
  keeper.put(lasting);
  CHECK(keeper.book().size(RecordKind::ban) == 2);
  std::vector<std::string> gone;
  const auto follower = keeper.book().follow([&](RecordKind, const Prefix& of, const store::RecordBook::Entry& record) {
    if (record == nullptr) gone.push_back(of.to_string());
  });
  keeper.pass(500ms);
  CHECK(keeper.find(RecordKind::ban, "192.0.2.1") == nullptr);
  CHECK(keeper.book().size(RecordKind::ban) == 1);
  CHECK(gone == std::vector<std::string>{"192.0.2.1"});
  CHECK(keeper.holds(lasting));
}

inline void putting_what_is_over_removes(RecordKeeper& keeper) {
  keeper.put(keeper.ban("192.0.2.1", "over", -1s));
  CHECK(keeper.find(RecordKind::ban, "192.0.2.1") == nullptr);
  keeper.put(keeper.ban("192.0.2.1"));
  keeper.put(keeper.ban("192.0.2.1", "over", -1s));
  CHECK(keeper.find(RecordKind::ban, "192.0.2.1") == nullptr);
  CHECK(keeper.book().size(RecordKind::ban) == 0);
  if (!keeper.reopen()) return;
  CHECK(keeper.book().size(RecordKind::ban) == 0);
}

inline void a_list_comes_in_order_and_in_pages(RecordKeeper& keeper) {
  const std::vector<std::string> nets{"10.0.0.0/8", "10.0.0.0/9", "10.0.0.1", "10.9.0.0/16", "192.0.2.1"};
  for (const auto* of : {"10.0.0.1", "192.0.2.1", "10.0.0.0/9", "10.9.0.0/16", "10.0.0.0/8"})
    keeper.put(keeper.ban(of));
  keeper.put(keeper.listing("10.0.0.2"));
  for (const std::size_t most : {1, 2, 3, 5, 100}) {
    CAPTURE(most);
    CHECK(keeper.list(RecordKind::ban, most) == nets);
  }
  // From behind a net that is not there.
  const auto behind = net("10.0.0.7");
  const auto page = keeper.book().list(RecordKind::ban, &behind, 1, keeper.now());
  REQUIRE(page.size() == 1);
  CHECK(page.front()->net == net("10.9.0.0/16"));
}

inline void followers_hear_of_changes(RecordKeeper& keeper) {
  using Heard = std::pair<std::string, std::string>;
  std::vector<Heard> heard;
  auto follower = keeper.book().follow([&](RecordKind kind, const Prefix& of, const store::RecordBook::Entry& record) {
    heard.emplace_back(std::string(to_string(kind)) + " " + of.to_string(), record ? to_text(*record) : "gone");
  });
  const auto ban = keeper.ban("192.0.2.0/24");
  const auto grant = keeper.grant("192.0.2.1");
  keeper.put(ban);
  REQUIRE_FALSE(heard.empty());
  CHECK(heard.back() == Heard{"ban 192.0.2.0/24", to_text(ban)});
  keeper.put(grant);
  CHECK(heard.back() == Heard{"grant 192.0.2.1", to_text(grant)});
  keeper.erase(RecordKind::ban, "192.0.2.0/24");
  CHECK(heard.back() == Heard{"ban 192.0.2.0/24", "gone"});
  heard.clear();
  keeper.erase(RecordKind::ban, "192.0.2.0/24");
  CHECK(heard.empty());
  follower.reset();
  keeper.put(ban);
  CHECK(heard.empty());
}

inline void writes_take_effect_in_their_order(RecordKeeper& keeper) {
  for (int i = 0; i < 5; ++i) keeper.begin_put(keeper.ban("192.0.2.1", std::to_string(i)));
  keeper.begin_put(keeper.ban("192.0.2.2"));
  keeper.begin_erase(RecordKind::ban, "192.0.2.2");
  keeper.begin_erase(RecordKind::ban, "192.0.2.3");
  const auto last = keeper.ban("192.0.2.3", "last");
  keeper.begin_put(last);
  keeper.run();
  const auto check = [&] {
    const auto first = keeper.find(RecordKind::ban, "192.0.2.1");
    REQUIRE(first != nullptr);
    CHECK(std::get<Ban>(first->what).reason == "4");
    CHECK(keeper.find(RecordKind::ban, "192.0.2.2") == nullptr);
    CHECK(keeper.holds(last));
  };
  check();
  if (keeper.reopen()) check();
}

// A ban of `of` with one offence more than `before`.
inline Record one_offence_more(const RecordKeeper& keeper, const std::string& of, const Record* before) {
  auto ban = keeper.ban(of);
  if (before != nullptr) std::get<Ban>(ban.what).offences = std::get<Ban>(before->what).offences + 1;
  return ban;
}

inline void a_change_is_made_of_what_is_there(RecordKeeper& keeper) {
  const auto change = [&](const Record* before) { return one_offence_more(keeper, "192.0.2.1", before); };
  for (std::uint32_t offences = 1; offences <= 3; ++offences) {
    const auto made = keeper.update(RecordKind::ban, "192.0.2.1", change);
    REQUIRE(made != nullptr);
    CHECK(std::get<Ban>(made->what).offences == offences);
    CHECK(keeper.holds(*made));
  }
  CHECK(keeper.erase(RecordKind::ban, "192.0.2.1"));
  const auto made = keeper.update(RecordKind::ban, "192.0.2.1", change);
  REQUIRE(made != nullptr);
  CHECK(std::get<Ban>(made->what).offences == 1);
  if (keeper.reopen()) CHECK(keeper.holds(*made));
}

inline void changes_at_once_all_count(RecordKeeper& keeper) {
  constexpr std::uint32_t number = 100;
  std::vector<std::shared_ptr<store::RecordBook::Entry>> made;
  for (std::uint32_t i = 0; i < number; ++i) {
    const auto of = i % 2 == 0 ? "192.0.2.1" : "2001:db8::/32";
    made.push_back(keeper.begin_update(RecordKind::ban, of,
                                       [&, of](const Record* before) { return one_offence_more(keeper, of, before); }));
  }
  keeper.run();
  for (std::uint32_t i = 0; i < number; ++i) {
    CAPTURE(i);
    REQUIRE(*made[i] != nullptr);
    CHECK(std::get<Ban>((*made[i])->what).offences == i / 2 + 1);
  }
  CHECK(keeper.holds(**made[number - 1]));
  CHECK(keeper.holds(**made[number - 2]));
  if (!keeper.reopen()) return;
  CHECK(keeper.holds(**made[number - 1]));
  CHECK(keeper.holds(**made[number - 2]));
}

inline void a_change_between_erasures_finds_nothing(RecordKeeper& keeper) {
  const auto change = [&](const Record* before) { return one_offence_more(keeper, "192.0.2.1", before); };
  keeper.update(RecordKind::ban, "192.0.2.1", change);
  const auto before = keeper.begin_update(RecordKind::ban, "192.0.2.1", change);
  const auto first = keeper.begin_erase(RecordKind::ban, "192.0.2.1");
  const auto second = keeper.begin_erase(RecordKind::ban, "192.0.2.1");
  const auto behind = keeper.begin_update(RecordKind::ban, "192.0.2.1", change);
  keeper.run();
  CHECK(std::get<Ban>((*before)->what).offences == 2);
  CHECK(*first);
  CHECK_FALSE(*second);
  CHECK(std::get<Ban>((*behind)->what).offences == 1);
  CHECK(keeper.holds(**behind));
}

inline void a_change_may_leave_it_as_it_is(RecordKeeper& keeper) {
  const auto leave = [](const Record*) { return std::nullopt; };
  CHECK(keeper.update(RecordKind::ban, "192.0.2.1", leave) == nullptr);
  CHECK(keeper.list(RecordKind::ban, 10).empty());
  const auto ban = keeper.ban("192.0.2.1");
  keeper.put(ban);
  std::string heard;
  auto follower = keeper.book().follow(
      [&](RecordKind, const Prefix& of, const store::RecordBook::Entry&) { heard += of.to_string(); });
  const auto kept = keeper.update(RecordKind::ban, "192.0.2.1", leave);
  REQUIRE(kept != nullptr);
  CHECK(*kept == ban);
  CHECK(heard.empty());
  follower.reset();
  CHECK(keeper.holds(ban));
  if (keeper.reopen()) CHECK(keeper.holds(ban));
}

inline void a_change_to_what_is_over_removes(RecordKeeper& keeper) {
  const auto end = [&](const Record*) { return keeper.ban("192.0.2.1", "over", -1s); };
  CHECK(keeper.update(RecordKind::ban, "192.0.2.1", end) == nullptr);
  keeper.put(keeper.ban("192.0.2.1"));
  CHECK(keeper.update(RecordKind::ban, "192.0.2.1", end) == nullptr);
  CHECK(keeper.find(RecordKind::ban, "192.0.2.1") == nullptr);
  CHECK_FALSE(keeper.erase(RecordKind::ban, "192.0.2.1"));
}

inline void a_change_takes_what_is_over_for_none(RecordKeeper& keeper) {
  keeper.put(keeper.ban("192.0.2.1", "short", 100ms));
  keeper.pass(150ms);
  const auto made = keeper.update(RecordKind::ban, "192.0.2.1",
                                  [&](const Record* before) { return one_offence_more(keeper, "192.0.2.1", before); });
  REQUIRE(made != nullptr);
  CHECK(std::get<Ban>(made->what).offences == 1);
}

inline void what_was_written_is_there_after_a_restart(RecordKeeper& keeper) {
  const Record kept[] = {
      keeper.ban("192.0.2.0/24"),
      keeper.ban("2001:db8::/64"),
      keeper.grant("192.0.2.1"),
      keeper.grant("2001:db8::1"),
      keeper.listing("192.0.2.1"),
      keeper.listing("2001:db8::/48"),
      // What quoting is for.
      keeper.ban("198.51.100.1", "'); DROP TABLE \"x\"; -- \\ \n\t \xc3\xa9 \0 end"s),
  };
  keeper.put(keeper.ban("192.0.2.0/24", "replaced"));
  for (const auto& record : kept) keeper.put(record);
  keeper.put(keeper.ban("192.0.2.9"));
  keeper.erase(RecordKind::ban, "192.0.2.9");
  if (!keeper.reopen()) return;
  for (int restart = 0; restart < 2; ++restart) {
    CAPTURE(restart);
    for (const auto& record : kept) {
      const auto text = to_text(record);
      CAPTURE(text);
      CHECK(keeper.holds(record));
    }
    CHECK(keeper.list(RecordKind::ban, 100).size() == 3);
    CHECK(keeper.list(RecordKind::grant, 100).size() == 2);
    CHECK(keeper.list(RecordKind::listing, 100).size() == 2);
    CHECK(keeper.reopen());
  }
}

inline void what_was_not_waited_for_is_there_after_a_restart(RecordKeeper& keeper) {
  constexpr int number = 2500;
  for (int i = 0; i < number; ++i) {
    keeper.begin_put(keeper.ban("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250)));
  }
  keeper.run();
  CHECK(keeper.book().size(RecordKind::ban) == number);
  if (!keeper.reopen()) return;
  CHECK(keeper.book().size(RecordKind::ban) == number);
  for (int i = 0; i < number; i += 2) {
    keeper.begin_erase(RecordKind::ban, "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250));
  }
  keeper.run();
  CHECK(keeper.reopen());
  CHECK(keeper.book().size(RecordKind::ban) == number / 2);
  CHECK(keeper.find(RecordKind::ban, "10.0.3.1") != nullptr);
  CHECK(keeper.find(RecordKind::ban, "10.0.3.2") == nullptr);
}

struct RecordPromise {
  const char* text;
  void (*check)(RecordKeeper&);
};

inline constexpr RecordPromise record_promises[] = {
    {"a new one is empty", a_new_one_is_empty},
    {"what is put is found as it was", what_is_put_is_found_as_it_was},
    {"the latest takes the place of what was there", the_latest_takes_the_place},
    {"kinds are apart", kinds_are_apart},
    {"families are apart", families_are_apart},
    {"the longest prefix wins", the_longest_prefix_wins},
    {"what is erased is gone, and nothing else", what_is_erased_is_gone},
    {"erasing none is no error, and says so", erasing_says_whether_there_was_one},
    {"a record ends to the millisecond", it_ends_to_the_millisecond},
    {"an inner net that is over gives way to the outer", an_inner_net_that_is_over_gives_way},
    {"what is over leaves the book, and followers hear of it", what_is_over_leaves},
    {"putting what is over removes what was there", putting_what_is_over_removes},
    {"a list comes in order and in pages", a_list_comes_in_order_and_in_pages},
    {"followers hear of changes", followers_hear_of_changes},
    {"writes take effect in their order", writes_take_effect_in_their_order},
    {"a change is made of what is there", a_change_is_made_of_what_is_there},
    {"changes that are asked for at once all count", changes_at_once_all_count},
    {"a change between erasures finds nothing", a_change_between_erasures_finds_nothing},
    {"a change may leave it as it is", a_change_may_leave_it_as_it_is},
    {"a change to what is over removes what was there", a_change_to_what_is_over_removes},
    {"a change takes what is over for none", a_change_takes_what_is_over_for_none},
    {"what was written is there after a restart", what_was_written_is_there_after_a_restart},
    {"many writes at once are there after a restart", what_was_not_waited_for_is_there_after_a_restart},
};

}  // namespace conformance

inline void check_records_conformance(const RecordsFactory& factory) {
  for (const auto& promise : conformance::record_promises) {
    const std::string text = promise.text;
    CAPTURE(text);
    RecordKeeper keeper(factory());
    promise.check(keeper);
  }
}

}  // namespace mxwarden::tests
