#include "store/records.hpp"

#include <cstdlib>
#include <utility>

namespace mxwarden::store {

void Records::put(Record record, Done done) {
  const auto kind = record.kind();
  const auto net = record.net;
  update(
      kind, net, [record = std::move(record)](const Record*) { return record; },
      [done = std::move(done)](const Result<RecordBook::Entry>& put) {
        if (put) return done({});
        done(put.error());
      });
}

std::optional<Record> ask(const Records::Change& change, RecordKind kind, const Prefix& net, const Record* before) {
  auto record = change(before);
  if (record && (record->kind() != kind || record->net != net)) std::abort();
  return record;
}

}  // namespace mxwarden::store
