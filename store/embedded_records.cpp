#include "store/embedded_records.hpp"

#include <utility>

namespace mxwarden::store {

void EmbeddedRecords::put(Record record, Done done) {
  book_.put(std::move(record), clock_.now());
  done({});
}

void EmbeddedRecords::erase(RecordKind kind, const Prefix& net, Done done) {
  book_.erase(kind, net);
  done({});
}

void EmbeddedRecords::tick() {
  book_.tick(clock_.now(), clock_.wall_now());
}

}  // namespace mxwarden::store
