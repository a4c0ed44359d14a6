#pragma once
// The members of mxwardend's answers, as they stand in what a person reads: text that came from strangers is escaped.

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace mxwarden::cli {

// Another release may have written them: what is missing, or of another type, is empty or 0.
std::string text_of(const boost::json::object& object, std::string_view name);
std::int64_t number_of(const boost::json::object& object, std::string_view name);
bool is_true(const boost::json::object& object, std::string_view name);

}  // namespace mxwarden::cli
