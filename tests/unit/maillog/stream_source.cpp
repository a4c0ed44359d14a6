#include "maillog/source/stream_source.hpp"

#include <doctest/doctest.h>

#include "support/temporary_folder.hpp"

using namespace mxwarden;
using namespace mxwarden::maillog;

TEST_CASE("a FIFO is one reader's, until that one has closed it") {
  const tests::TemporaryFolder folder;
  const auto path = folder.path("fifo");
  auto first = open_fifo(path);
  REQUIRE(first.has_value());
  const auto second = open_fifo(path);
  REQUIRE(second.has_value());
  CHECK(lock_fifo(*first, path).has_value());
  CHECK(lock_fifo(*second, path).error().message ==
        "another mxwarden-maillog reads the FIFO " + path + "; end it, or name another [maillog] source");
  first->close();
  CHECK(lock_fifo(*second, path).has_value());
}
