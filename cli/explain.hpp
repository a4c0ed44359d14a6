#pragma once
// `mxwarden explain`: what is asked, and what a person reads of the answer. Pure but for the stream.

#include <boost/json/fwd.hpp>
#include <iosfwd>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cli/command_line.hpp"

namespace mxwarden::cli {

// A request as Postfix sends it: lines of name=value up to an empty one, or to the end. The error is a sentence.
Result<std::vector<AttributeValue>> read_attributes(std::istream& in);

boost::json::object explain_request(const Invocation& invocation);

// The final answer and who gives it, then a line for each rule.
std::string explanation_text(const boost::json::object& answer, bool colours);

}  // namespace mxwarden::cli
