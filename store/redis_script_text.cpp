#include "store/redis_script.hpp"

namespace mxwarden::store {
namespace {

constexpr std::string_view text = R"lua(
-- The counts of one entity, in one step: first all are judged, and only then what may be is recorded.
--
-- KEYS     one for each count
-- ARGV[1]  doubles, little-endian: the time in microseconds (below 0: the server's own), then for each count
--            n, its grain (the finer, the higher), whether it is binding (1) or not (0), which of ARGV is the hash of
--            its member (0: no distinct count), the number of its windows,
--            and for each window its length in microseconds and its limit (0: none)
-- ARGV...  hashes of members
-- Answer   for each count five integers: what a window holds, the index of that window, whether it is over, whether
--            it was recorded, and the microseconds until there is room (-1: never)
--
-- A number is a double, whole up to 2^53. Microseconds since 1970 are 2^51: twelve times as many would not fit, so that
-- slices are reckoned from whole windows and the rest. A remainder is exact; so is a twelfth that is rounded to a whole
-- number, for windows of up to ten years.

local narrow_most, narrow = 65535, 'I4HHHHHHHHHHHHH'
local wide_most, wide = 281474976710655, 'I4I6I6I6I6I6I6I6I6I6I6I6I6I6'  -- 2^48 - 1
local distinct_most = 1000

local asked = {struct.unpack('<' .. string.rep('d', #ARGV[1] / 8), ARGV[1])}
local now = asked[1]
if now < 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end

-- When a slice of such a window begins, rounded up.
local function border(slot, length)
  local rest = slot % 12
  return (slot - rest) / 12 * length + math.ceil(rest * length / 12)
end

-- A ring is the number of its newest slice, at `first`, and behind it 13 slices from the newest back; it is brought up
-- to now. Answers what the window would hold, and how long it is over its limit (nil: it is not).
local function judge_ring(ring, first, known, n, length, limit)
  local rest = now % length
  local twelfths = rest * 12 / length
  local slot = (now - rest) / length * 12 + twelfths - twelfths % 1
  -- Of the stored number there are 32 bits. More than half of them back is ahead: time has gone back.
  local age = known and (slot - ring[first]) % 4294967296 or 0
  if age > 2147483648 then
    slot = slot + 4294967296 - age
  elseif age > 0 then
    for at = first + 13, first + 1, -1 do
      ring[at] = at - age > first and ring[at - age] or 0
    end
  end
  ring[first] = slot

  local total = n
  for at = first + 1, first + 13 do
    total = total + ring[at]
  end
  if limit == 0 or total <= limit then return total end
  if n > limit then return total, math.huge end
  local left, oldest = total, first + 14
  repeat
    oldest = oldest - 1
    left = left - ring[oldest]
  until left <= limit
  return total, border(slot + 14 - (oldest - first), length) - now
end

-- The same of a distinct count. `seen`: when the member was last, if ever.
local function judge_members(key, seen, n, length, limit)
  local size = redis.call('ZCOUNT', key, now - length + 1, '+inf')
  local known = seen and seen > now - length
  local total = (n == 0 or known) and size or size + 1
  limit = math.min(limit, distinct_most)
  if limit == 0 or known or total <= limit then return total end
  -- There is room when this one leaves; places are from the end.
  local place = total - size - limit - 1
  return total, redis.call('ZRANGE', key, place, place, 'WITHSCORES')[2] + length - now
end

-- `at`: where its windows are asked for.
local function write_rings(key, ring, format, n, at, windows)
  local last = now
  for window = 0, windows - 1 do
    local first, length, limit = 14 * window + 1, asked[at + 2 * window], asked[at + 2 * window + 1]
    local most = (limit == 0 or limit > narrow_most) and wide_most or narrow_most
    last = math.max(last, border(ring[first] + 13, length))
    ring[first] = ring[first] % 4294967296
    ring[first + 1] = math.min(ring[first + 1] + n, most)
  end
  local value = struct.pack(format, unpack(ring, 1, 14 * windows))
  redis.call('SET', key, value, 'PX', math.ceil((last - now) / 1000) + 1)
end

local function write_member(key, member, seen, at, windows)
  local longest = 0
  for window = 0, windows - 1 do
    longest = math.max(longest, asked[at + 2 * window])
  end
  local newest = redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2]
  local instant = math.max(now, newest or now)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', instant - longest)
  if not seen then redis.call('ZREMRANGEBYRANK', key, 0, -distinct_most) end
  redis.call('ZADD', key, instant, member)
  redis.call('PEXPIRE', key, math.ceil((instant + longest - now) / 1000) + 1)
end

-- A sorted set is nothing to MGET. One ring alone is cheaper by GET.
local stored
if #KEYS == 1 and asked[5] == 0 then
  stored = {redis.call('GET', KEYS[1])}
else
  stored = redis.call('MGET', unpack(KEYS))
end

local answers = {}
local rings, formats, seen, unlimited = {}, {}, {}, {}  -- of each count
local closed_from = 3  -- the coarsest grain that a binding count refused, and everything finer
local at = 2
for index, key in ipairs(KEYS) do
  local n, grain, binding, member, windows = unpack(asked, at, at + 4)
  at = at + 5
  local ring
  if member == 0 then
    local format = '<'
    for window = 0, windows - 1 do
      local limit = asked[at + 2 * window + 1]
      format = format .. ((limit == 0 or limit > narrow_most) and wide or narrow)
    end
    ring = {struct.unpack(format, stored[index] or string.rep('\0', struct.size(format)))}
    rings[index], formats[index] = ring, format
  elseif n > 0 then
    seen[index] = tonumber(redis.call('ZSCORE', key, ARGV[member]) or nil)
  end

  local count, named, named_limit, over, wait = 0, 0, 0, 0, 0
  unlimited[index] = true
  for window = 0, windows - 1 do
    local length, limit = asked[at + 2 * window], asked[at + 2 * window + 1]
    local total, until_room
    if ring then
      total, until_room = judge_ring(ring, 14 * window + 1, stored[index], n, length, limit)
    else
      total, until_room = judge_members(key, seen[index], n, length, limit)
    end
    if limit > 0 then unlimited[index] = false end
    if until_room then
      if over == 0 or until_room > wait then
        count, named, named_limit, over, wait = total, window, limit, 1, until_room
      end
    elseif over == 0 and limit > 0 and (named_limit == 0 or total * named_limit > count * limit) then
      count, named, named_limit = total, window, limit
    elseif window == 0 then
      count = total
    end
  end
  if over == 1 and binding == 1 and grain < closed_from then closed_from = grain end
  answers[5 * index - 4] = count
  answers[5 * index - 3] = named
  answers[5 * index - 2] = over
  answers[5 * index - 1] = 0
  answers[5 * index] = wait < math.huge and wait or -1
  at = at + 2 * windows
end

at = 2
for index, key in ipairs(KEYS) do
  local n, grain, _, member, windows = unpack(asked, at, at + 4)
  at = at + 5
  local over = answers[5 * index - 2] == 1
  if n > 0 and (unlimited[index] or not over and grain < closed_from) then
    if member == 0 then
      write_rings(key, rings[index], formats[index], n, at, windows)
    else
      write_member(key, ARGV[member], seen[index], at, windows)
    end
    answers[5 * index - 1] = 1
  end
  at = at + 2 * windows
end
return answers
)lua";

}  // namespace

std::string_view redis_script() {
  return text;
}

}  // namespace mxwarden::store
