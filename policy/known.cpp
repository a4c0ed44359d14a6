#include "policy/known.hpp"

namespace mxwarden::policy {
namespace {

using store::RecordKind;

bool by_operator(const store::Record& record) {
  return std::get<store::Ban>(record.what).by_operator();
}

bool by_rule(const store::Record& record) {
  return !by_operator(record);
}

}  // namespace

Known look_up(const store::Records& records, const Address& client, Instant now) {
  const auto& book = records.book();
  Known known;
  known.all_said = records.current();
  known.now = book.wall(now);
  // Most clients are not banned, and are looked up once.
  if (book.find(RecordKind::ban, client, now)) {
    known.operators_ban = book.find(RecordKind::ban, client, now, by_operator);
    known.ban = book.find(RecordKind::ban, client, now, by_rule);
  }
  known.listing = book.find(RecordKind::listing, client, now);
  known.grant = book.find(RecordKind::grant, client, now);
  return known;
}

}  // namespace mxwarden::policy
