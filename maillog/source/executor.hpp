#pragma once
// Asio's types as this folder uses them: they know their executor, which saves Asio's type erasure.

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <chrono>

namespace mxwarden::maillog {

using Executor = boost::asio::io_context::executor_type;
using Descriptor = boost::asio::posix::basic_stream_descriptor<Executor>;
using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

}  // namespace mxwarden::maillog
