#include "store/redis_script.hpp"

namespace mxwarden::store {
namespace {

constexpr std::string_view text = R"lua(
-- The counts of one entity, in one step: first all are judged, and only then what may be is recorded.
--
-- KEYS     one for each count; gauges are last, and end in @
-- ARGV     for each count but gauges, in their order, what is asked, little-endian:
--          double    the time in microseconds (below 0: the server's own); that of the first count is taken
--          7 bytes   n
--          3 times 2 bytes: the limits of its windows, if it may be a usual call (below); else the first is 0
--          string    the format of its head (below)
--          string    how long its key lives, in milliseconds; of a distinct count its longest window in microseconds
--          1 byte    its grain (the finer, the higher); below 0: recorded whatever the others are
--          1 byte    from which grain on it closes the others if it is over
--          string    the format of what follows, and of the second kind of answer
--          doubles   for each window its length in microseconds and its limit (0: none)
--          double    which of ARGV is the hash of its member (0: no distinct count)
--          for each gauge:
--          double    the time, as above
--          4 bytes   n
--          string    how long the number stands, in milliseconds
--          double    its limit (0: none)
--          1 byte    from which grain on it closes the others if it is over
--          8 bytes   the hash of the node's name
-- ARGV...  hashes of members
-- Answer   for each count a string, an array of them if there are several; of a gauge
--          a double: the sum of what all nodes hold
--          of the others
--          the head of its value with n in it: no window is over, and it was recorded unless n is 0;
--          or doubles: for each window what it would hold and the microseconds until there is room (0: it is not over,
--          -1: never); then whether it was recorded
--
-- The value of a ring. All that is recorded is added to a sum, which runs over (at 2^16, where a window is wide at
-- 2^52). A mark is what the sum was when a slice began. So a window holds the sum less the mark of its oldest slice:
-- nothing needs to be added up, and when slices begin the marks move on by so many.
--   head   7 bytes: the time at which the first slice of any window ends; until then each is in its newest slice
--          for each window the sum, and what it holds: what says the mark of the oldest slice
--   marks  for each window those of the other 12 slices, the newest first. The last window stands first, so that short
--          ones, which are soon empty, are at the end: there, windows whose marks are all 0 are left out
--
-- The value of a gauge: for each node the hash of its name, 7 bytes the time until which its number stands, and 4 bytes
-- the number. A fact and no event: it is written before anything is judged, and whatever the others are.
--
-- A number is a double, whole up to 2^53. Microseconds since 1970 are 2^51: twelve times as many would not fit, so that
-- slices are reckoned from whole windows and the rest. A remainder is exact; so is a twelfth that is rounded to a whole
-- number, for windows of up to ten years.

local call, read, write = redis.call, struct.unpack, struct.pack

local now = read('<d', ARGV[1])
if now < 0 then
  local time = call('TIME')
  now = time[1] * 1000000 + time[2]
end

-- The usual call, nearly half of whose cost is saved by a way of its own: a ring alone, of three narrow windows at most,
-- in none of which a slice has begun since it was written, and all of which have room. Only the head changes; when the
-- key ends does not. Answers the head; or nothing and the value, if it was read.
local function count_in_newest_slices()
  local _, n, most_1, most_2, most_3, format = read('<dI7HHHs', ARGV[1])
  if most_1 == 0 then return end
  local stored = call('GET', KEYS[1])
  if not stored then return nil, stored end
  local first_end, sum_1, total_1, sum_2, total_2, sum_3, total_3 = read(format, stored)
  total_1, total_2, total_3 = total_1 + n, (total_2 or 0) + n, (total_3 or 0) + n
  if now >= first_end or total_1 > most_1 or total_2 > most_2 or total_3 > most_3 then return nil, stored end
  local head = write(format, first_end, sum_1 + n, total_1, (sum_2 or 0) + n, total_2, (sum_3 or 0) + n, total_3)
  if n > 0 then call('SETRANGE', KEYS[1], '0', head) end
  return head
end

-- The place of a gauge's node is taken anew. What would stand longer than this number was said before the time went back,
-- and is said again soon. Answers the sum, and from which grain on others are closed by it.
local function hold(index)
  local key, ask = KEYS[index], ARGV[index]
  local _, n, life, limit, closes, at = read('<dI4sdb', ask)
  local node = ask:sub(at)
  local value = call('GET', key) or ''
  local ends = now + life * 1000
  local kept, total = '', n
  for entry = 1, #value, 19 do
    local stands_until, number = read('<I7I4', value, entry + 8)
    if stands_until > now and stands_until <= ends and value:sub(entry, entry + 7) ~= node then
      kept, total = kept .. value:sub(entry, entry + 18), total + number
    end
  end
  if n > 0 then kept = kept .. node .. write('<I7I4', ends, n) end
  if kept ~= '' then
    call('SET', key, kept, 'PX', life)
  elseif value ~= '' then
    call('PEXPIRE', key, '0')
  end
  return write('<d', total), (limit > 0 and total > limit) and closes or math.huge
end

local others, closed_from, answers = #KEYS, math.huge, nil
while others > 0 and KEYS[others]:byte(-1) == 64 do
  answers = answers or {}
  local closes
  answers[others], closes = hold(others)
  if closes < closed_from then closed_from = closes end
  others = others - 1
end
if others == 0 then return #answers == 1 and answers[1] or answers end

local values
if others == 1 and closed_from == math.huge then
  local head, stored = count_in_newest_slices()
  if head then
    if not answers then return head end
    answers[1] = head
    return answers
  end
  values = stored ~= nil and {stored}
end
values = values or call('MGET', unpack(KEYS, 1, others))  -- of a distinct count nothing

-- What follows avoids what costs most: tables with names, functions of the libraries, and strings.
local wide_most, wide_modulus = 281474976710655, 4503599627370496  -- 2^48 - 1, 2^52
local no_marks = '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
local distinct_most = 1000

-- The slice of such a window that `time` lies in.
local function slice_at(time, length)
  local rest = time % length
  local twelfths = rest * 12 / length
  return (time - rest) / length * 12 + (twelfths - twelfths % 1)
end

-- When a slice begins, rounded up.
local function border(slice, length)
  local rest = slice % 12
  local into = rest * length / 12
  return (slice - rest) / 12 * length + (into + -into % 1)
end

-- What was recorded since the slice began that is `back` before the newest that is stored. `at`: where the marks of its
-- window are in the value, if they were not left out.
local function held_since(back, value, at, sum, wide)
  if back < 0 then return 0 end
  if at > #value then return sum end
  if wide then return (sum - read('<I7', value, at + back * 7)) % wide_modulus end
  return (sum - read('<H', value, at + back * 2)) % 65536
end

-- How many of the oldest slices must be gone until n more have room. What is left after them can only fall.
local function slices_until_room(age, value, at, sum, wide, room)
  if at > #value then return 13 - age end  -- all is in one
  local too_few, enough = 0, 13
  while enough - too_few > 1 do
    local middle = (too_few + enough) / 2
    middle = middle - middle % 1
    if held_since(12 - age - middle, value, at, sum, wide) > room then too_few = middle else enough = middle end
  end
  return enough
end

-- The marks when `age` slices have begun.
local function marks_moved(age, value, at, sum, wide)
  local left = (12 - age) * (wide and 7 or 2)
  local marks = at < #value and value:sub(at, at + left - 1) or string.rep('\0', left)
  return age > 0 and string.rep(write(wide and '<I7' or '<H', sum), age) .. marks or marks
end

-- `windows`: the length and the limit of each, and a number more; in their place is put what it would hold, and how long
-- it is over its limit. If none is, answers the head with n in it, and the marks, if slices have begun.
local function judge_ring(value, format, n, windows)
  value = value or string.rep('\0', struct.size(format))
  local head = {read(format, value)}
  local at, written_until = head[#head], head[1]
  local begun = now >= written_until
  if begun then head[1] = math.huge end
  local over, marks, left_out = false, '', ''
  for i = #windows - 3, 1, -2 do
    local length, limit, sum, total = windows[i], windows[i + 1], head[i + 1], head[i + 2]
    local wide = limit == 0 or limit > 65535
    local age = 0
    if begun then
      local slice = slice_at(now, length)
      if total > 0 then age = slice - slice_at(written_until - 1, length) end
      if age > 0 then total = held_since(12 - age, value, at, sum, wide) end
      local first_end = border(slice + 1, length)
      if first_end < head[1] then head[1] = first_end end
    end

    windows[i], windows[i + 1] = total + n, 0
    if limit > 0 and total + n > limit then
      over = true
      windows[i + 1] = -1
      if n <= limit then
        local gone = slices_until_room(age, value, at, sum, wide, limit - n)
        windows[i + 1] = border(slice_at(written_until - 1, length) + age + gone, length) - now
      end
    elseif not over then
      local more = n
      if wide then
        local running = (age > 0 or total == 0) and 0 or held_since(0, value, at, sum, wide)
        more = math.min(n, wide_most - running)
      end
      if begun then
        local none = wide and string.rep('\0', 84) or no_marks
        local moved = none
        if total == 0 then
          sum = 0  -- anew
        else
          moved = marks_moved(age, value, at, sum, wide)
        end
        if moved == none then
          left_out = left_out .. none
        else
          marks, left_out = marks .. left_out .. moved, ''
        end
      end
      sum = sum + more
      head[i + 1], head[i + 2] = wide and sum % wide_modulus or sum, total + more  -- 16 bits are written, whatever it is
    end
    at = at + (wide and 84 or 24)
  end
  if not over then return write(format, unpack(head)), begun and marks end
end

-- The same of a distinct count; answers whether a window is over. `seen`: when the member was last, if ever.
local function judge_members(key, seen, n, windows)
  local over = false
  for i = 1, #windows - 3, 2 do
    local length, limit = windows[i], math.min(windows[i + 1], distinct_most)
    local size = call('ZCOUNT', key, now - length + 1, '+inf')
    local known = seen and seen > now - length
    local total = (n == 0 or known) and size or size + 1
    windows[i], windows[i + 1] = total, 0
    if limit > 0 and not known and total > limit then
      over = true
      -- There is room when this one leaves; places are from the end.
      local place = total - size - limit - 1
      windows[i + 1] = call('ZRANGE', key, place, place, 'WITHSCORES')[2] + length - now
    end
  end
  return over
end

local function write_member(key, member, seen, life)
  local newest = call('ZRANGE', key, -1, -1, 'WITHSCORES')[2]
  local instant = math.max(now, newest or now)
  call('ZREMRANGEBYSCORE', key, '-inf', instant - life)
  if not seen then call('ZREMRANGEBYRANK', key, 0, -distinct_most) end
  call('ZADD', key, instant, member)
  call('PEXPIRE', key, math.ceil((instant + life - now) / 1000) + 1)
end

-- Answers what record() must know, but for the last: from which grain on it closes the others.
local function judge(index)
  local ask = ARGV[index]
  local _, n, _, _, _, format, life, grain, closes, form, at = read('<dI7HHHssbbs', ask)
  local windows = {read(form, ask, at)}
  local member, over, head, marks, seen = ARGV[windows[#windows - 1]]
  if member then
    seen = n > 0 and tonumber(call('ZSCORE', KEYS[index], member) or nil)
    over = judge_members(KEYS[index], seen, n, windows)
  else
    head, marks = judge_ring(values[index], format, n, windows)
    over = not head
  end
  return n, over, grain, life, form, windows, head, marks, member, seen, over and closes or math.huge
end

-- Records it, if it may be, and answers it.
local function record(index, closed_from, n, over, grain, life, form, windows, head, marks, member, seen)
  local key = KEYS[index]
  local recorded = n > 0 and not over and grain < closed_from
  if recorded then
    if member then
      write_member(key, member, seen, life)
    elseif marks then
      call('SET', key, head .. marks, 'PX', life)
    else
      call('SETRANGE', key, '0', head)
    end
  end
  if head and (recorded or n == 0) then return head end
  windows[#windows - 1] = recorded and 1 or 0
  return write(form, unpack(windows))
end

if #KEYS == 1 then return record(1, closed_from, judge(1)) end

answers = answers or {}
local counts = {}
for index = 1, others do
  counts[index] = {judge(index)}
  closed_from = math.min(closed_from, counts[index][11])  -- the coarsest grain that was refused, and everything finer
end
for index = 1, others do
  answers[index] = record(index, closed_from, unpack(counts[index], 1, 10))
end
return answers
)lua";

}  // namespace

std::string_view redis_script() {
  return text;
}

}  // namespace mxwarden::store
