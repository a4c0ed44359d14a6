#include "store/redis_script.hpp"

namespace mxwarden::store {
namespace {

constexpr std::string_view text = R"lua(
-- The counts of entities, one after the other; those of one in one step: first all are judged, and only then what may
-- be is recorded.
--
-- KEYS     one for each count, those of an entity together, its gauges first. None is there twice
-- ARGV[1]  nothing; or
--          double    the time in microseconds (below 0: the server's own)
--          1 byte    1 if nothing is to be written: the answers are the same. No usual one (below) is
-- ARGV     then, for each count what is asked; empty: the same as of the one before. Little-endian, of all but gauges:
--          7 bytes   n
--          3 times 2 bytes: the limits of its windows, if no other but gauges is of its entity, and it may be a usual
--                    one (below); else 0, of how many counts it is the first, and 0
--          string    the format of its head (below)
--          string    how long its key lives, in milliseconds; of a distinct count its longest window in microseconds
--          1 byte    its grain (the finer, the higher); below 0: recorded whatever the others are
--          1 byte    from which grain on it closes the others if it is over
--          string    the format of what follows, and of the second kind of answer
--          doubles   for each window its length in microseconds and its limit (0: none)
--          double    nothing: in an answer, whether it was recorded
--          8 bytes   of a distinct count, the hash of its member
--          of gauges:
--          7 bytes   n
--          3 times 2 bytes: 0, 0, and 2 if others of its entity follow, else 1
--          string    how long the number stands, in milliseconds
--          double    its limit (0: none)
--          1 byte    from which grain on it closes the others if it is over
--          8 bytes   the hash of the node's name
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
--          1 byte: so many slices of the first window end after that before one of any other does (255: or more)
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

-- It avoids what costs most: commands, tables, calls of the libraries, strings, and functions, as each is made anew in
-- every call: none is before what can be answered without has been.
local call, read, write = redis.call, struct.unpack, struct.pack

local now, look = -1, 0
if ARGV[1] ~= '' then now, look = read('<db', ARGV[1]) end
if now < 0 then
  local time = call('TIME')
  now = time[1] * 1000000 + time[2]
end

-- One command for all values in the place of one for each. Of a distinct count there is nothing, nor of what is no
-- string at all: a ring or a gauge then takes its place.
local values = #KEYS > 1 and call('MGET', unpack(KEYS))
local answers = values and {}

local no_marks = '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
local closed_from = math.huge  -- from which grain on the counts of an entity are closed by its gauges
local closed = nil             -- the same of those that are left, by their place
local left = nil               -- the first of them

-- Gauges, and the usual questions, whose ways of their own save half of what they cost: about a ring of three narrow
-- windows at most, all of which have room. (Of fewer, nothing is in the place of the others, or the place at which
-- read() ended: write() leaves both out.)
local stored
local ask, n, most_1, most_2, most_3, format
local begun_ask, size, life, length_1, others_longer, number, end_1, new_end, new_quiet  -- of the second usual way
for place = 1, #KEYS do
  if ARGV[place + 1] == '' then
    ARGV[place + 1] = ask
  else
    ask = ARGV[place + 1]
    n, most_1, most_2, most_3, format = read('<I7HHHs', ask)
  end
  local answer = nil

  if most_1 > 0 and closed_from == math.huge then
    if values then stored = values[place] else stored = call('GET', KEYS[place]) end
    local first_end, quiet, sum_1, total_1, sum_2, total_2, sum_3, total_3 = 0, 255, 0, 0, 0, 0, 0, 0
    if stored then
      first_end, quiet, sum_1, total_1, sum_2, total_2, sum_3, total_3 = read(format, stored)
      sum_2, total_2, sum_3, total_3 = sum_2 or 0, total_2 or 0, sum_3 or 0, total_3 or 0
    end
    if total_2 + n > most_2 or total_3 + n > most_3 then
      -- none of them
    elseif now < first_end then
      -- No slice has begun since it was written. Only the head changes; when the key ends does not.
      if total_1 + n <= most_1 then
        answer = write(format, first_end, quiet, sum_1 + n, total_1 + n, sum_2 + n, total_2 + n, sum_3 + n, total_3 + n)
        if n > 0 then call('SETRANGE', KEYS[place], '0', answer) end
      end
    else
      -- Or it is new, or slices of its first window alone have begun, which as a rule is the shortest. First what is
      -- the same for all with this ask: numbers of slices, and when they end (border(), below).
      if ask ~= begun_ask then
        begun_ask = ask
        local _, length_2, length_3, form, at
        _, _, _, _, _, life, _, _, form, at = read('<I7HHHssbbs', ask)
        length_1, _, length_2, _, length_3 = read(form, ask, at)  -- behind the last there is a 0
        -- When the key ends is set anew when a slice of its longest window begins: then all will have left it that came
        -- until the next one does.
        others_longer = length_1 < length_2 or length_2 > 0 and length_1 < length_3
        size = struct.size(format)
        local rest = now % length_1
        local twelfths = rest * 12 / length_1
        local slice = twelfths - twelfths % 1
        local into = (slice + 1) * length_1 / 12
        number, end_1 = (now - rest) / length_1 * 12 + slice, now - rest + (into + -into % 1)
        new_end, new_quiet = end_1, 255
        if length_2 > 0 then
          rest = now % length_2
          twelfths = rest * 12 / length_2
          into = (twelfths - twelfths % 1 + 1) * length_2 / 12
          local others_end = now - rest + (into + -into % 1)
          if length_3 > 0 then
            rest = now % length_3
            twelfths = rest * 12 / length_3
            into = (twelfths - twelfths % 1 + 1) * length_3 / 12
            others_end = math.min(others_end, now - rest + (into + -into % 1))
          end
          if others_end < end_1 then
            new_end, new_quiet = others_end, 0
          else
            rest = others_end % length_1
            twelfths = rest * 12 / length_1
            new_quiet = math.min(255, (others_end - rest) / length_1 * 12 + (twelfths - twelfths % 1) - number - 1)
          end
        end
      end
      local marks = ''
      if stored then
        local last = first_end - 1
        local rest = last % length_1
        local twelfths = rest * 12 / length_1
        local age = number - (last - rest) / length_1 * 12 - (twelfths - twelfths % 1)
        if age > 0 and age <= quiet then
          local at = size + 1 + (size - 12) * 6
          if age > 12 then
            total_1 = 0
          elseif at > #stored then
            total_1 = sum_1
          else
            total_1 = (sum_1 - read('<H', stored, at + (12 - age) * 2)) % 65536
          end
          marks = stored:sub(size + 1, at - 1)
          if total_1 == 0 then
            sum_1 = 0  -- anew
            while marks:sub(-24) == no_marks do marks = marks:sub(1, -25) end
          else
            local kept = (12 - age) * 2
            marks = marks .. string.rep('\0', at - 1 - size - #marks) .. string.rep(write('<H', sum_1), age) ..
              (at < #stored and stored:sub(at, at + kept - 1) or no_marks:sub(1, kept))
          end
          first_end, quiet = end_1, quiet - age
        end
      else
        first_end, quiet = new_end, new_quiet
      end
      if now < first_end and total_1 + n <= most_1 then
        answer = write(format, first_end, quiet, sum_1 + n, total_1 + n, sum_2 + n, total_2 + n, sum_3 + n, total_3 + n)
        marks = answer .. marks
        if n == 0 then
          -- nothing is recorded
        elseif others_longer and stored and #marks == #stored then
          call('SETRANGE', KEYS[place], '0', marks)
        else
          call('SET', KEYS[place], marks, 'PX', life)
        end
      end
    end
  elseif most_1 == 0 and most_3 > 0 then
    -- A gauge. The place of the node is taken anew. What would stand longer than this number was said before the time
    -- went back, and is said again soon.
    local _, _, _, _, life, limit, closes, at = read('<I7HHHsdb', ask)
    local node = ask:sub(at)
    if values then stored = values[place] else stored = call('GET', KEYS[place]) end
    local ends = now + life * 1000
    local kept, total = '', n
    for entry = 1, stored and #stored or 0, 19 do
      local stands_until, number = read('<I7I4', stored, entry + 8)
      if stands_until > now and stands_until <= ends and stored:sub(entry, entry + 7) ~= node then
        kept, total = kept .. stored:sub(entry, entry + 18), total + number
      end
    end
    if n > 0 then kept = kept .. node .. write('<I7I4', ends, n) end
    if look == 1 then
      -- what the node would say is in the sum
    elseif kept ~= '' then
      call('SET', KEYS[place], kept, 'PX', life)
    elseif stored then
      call('PEXPIRE', KEYS[place], '0')
    end
    if limit > 0 and total > limit and closes < closed_from then closed_from = closes end
    answer = write('<d', total)
  end

  if not answer then
    left = left or place
    if closed_from < math.huge then
      closed = closed or {}
      closed[place] = closed_from
    end
  elseif values then
    answers[place] = answer
  else
    return answer
  end
  if most_1 > 0 or most_3 ~= 2 then closed_from = math.huge end
end
if not left then return answers end

-- What is left.
answers = answers or {}
local wide_most, wide_modulus = 281474976710655, 4503599627370496  -- 2^48 - 1, 2^52
local distinct_most = 1000

-- The slice of a window of such a length that `time` lies in: when its twelve began, and which of them it is.
local function slice_at(time, length)
  local rest = time % length
  local twelfths = rest * 12 / length
  return time - rest, twelfths - twelfths % 1
end

-- When a slice begins, rounded up.
local function border(began, slice, length)
  local rest = slice % 12
  local into = rest * length / 12
  return began + (slice - rest) / 12 * length + (into + -into % 1)
end

-- How many slices of such a window begin between two times.
local function slices_between(first, last, length)
  local rest_first, rest_last = first % length, last % length
  local twelfths_first, twelfths_last = rest_first * 12 / length, rest_last * 12 / length
  return (last - rest_last - (first - rest_first)) / length * 12 +
    (twelfths_last - twelfths_last % 1) - (twelfths_first - twelfths_first % 1)
end

-- How many slices of such a window end after its first end before one of any other does. As many as a byte can say.
local function quiet_slices(first_end, others_end, length)
  if others_end == math.huge then return 255 end
  return math.max(0, math.min(255, slices_between(first_end - 1, others_end, length) - 1))
end

-- What was recorded since the slice began that is `back` before the newest that is stored. `at`: where the marks of
-- its window are in the value, if they were not left out.
local function held_since(back, value, at, sum, wide)
  if back < 0 then return 0 end
  if at > #value then return sum end
  if wide then return (sum - read('<I7', value, at + back * 7)) % wide_modulus end
  return (sum - read('<H', value, at + back * 2)) % 65536
end

while left <= #KEYS do
  local ask = ARGV[left + 1]
  local _, most_1, most_2 = read('<I7HH', ask)
  local last = most_1 > 0 and left or left + most_2 - 1
  local closed_from = closed and closed[left] or math.huge

  -- Judges each. What is then to be known of it is in these, and if there are several kept in a table.
  --   windows    the length and the limit of each, and two numbers more; in their place is put what it would hold,
  --              and how long it is over its limit
  --   head       of a ring of which no window is over: its value's, with n in it
  --   marks      of such a ring, if slices have begun
  --   seen       when the member was last, if ever
  local n, over, grain, life, form, windows, marks, member, seen, head
  local judged = {}
  for index = left, last do
    local key, ask = KEYS[index], ARGV[index + 1]
    local format, closes, at, _
    n, _, _, _, format, life, grain, closes, form, at = read('<I7HHHssbbs', ask)
    windows = {read(form, ask, at)}
    over, head, marks, seen = false, nil, nil, nil
    member = ask:sub(windows[#windows])
    if member ~= '' then
      seen = n > 0 and tonumber(call('ZSCORE', key, member) or nil)
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
    else
      local value = stored
      if values then value = values[index] elseif value == nil then value = call('GET', key) end
      value = value or string.rep('\0', struct.size(format))
      local numbers = {read(format, value)}
      at = numbers[#numbers]
      local written_until = numbers[1]
      local begun = now >= written_until
      local first_end, others_end, length = math.huge, math.huge, nil
      local left_out = ''
      marks = begun and ''
      for i = #windows - 3, 1, -2 do
        local limit, sum, total = windows[i + 1], numbers[i + 2], numbers[i + 3]
        length = windows[i]
        local wide = limit == 0 or limit > 65535
        local age = 0
        if begun then
          local began, slice = slice_at(now, length)
          if total > 0 and written_until <= border(began, slice, length) then
            age = slices_between(written_until - 1, now, length)
            total = held_since(12 - age, value, at, sum, wide)
          end
          local ends = border(began, slice + 1, length)
          if i > 1 and ends < others_end then others_end = ends end
          if ends < first_end then first_end = ends end
        end

        windows[i], windows[i + 1] = total + n, 0
        if limit > 0 and total + n > limit then
          over = true
          windows[i + 1] = -1
          if n <= limit then
            -- How many of the oldest slices must be gone. What is left after them can only fall.
            local too_few, enough = 0, 13
            if at > #value then too_few, enough = 12 - age, 13 - age end  -- all is in one
            while enough - too_few > 1 do
              local middle = (too_few + enough) / 2
              middle = middle - middle % 1
              if held_since(12 - age - middle, value, at, sum, wide) > limit - n then
                too_few = middle
              else
                enough = middle
              end
            end
            local began, slice = slice_at(written_until - 1, length)
            windows[i + 1] = border(began, slice + age + enough, length) - now
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
              local left = (12 - age) * (wide and 7 or 2)
              if at < #value then moved = value:sub(at, at + left - 1) else moved = none:sub(1, left) end
              if age > 0 then moved = string.rep(write(wide and '<I7' or '<H', sum), age) .. moved end
            end
            if moved == none then
              left_out = left_out .. none
            else
              marks, left_out = marks .. left_out .. moved, ''
            end
          end
          sum = sum + more
          numbers[i + 2] = wide and sum % wide_modulus or sum  -- 16 bits are written, whatever it is
          numbers[i + 3] = total + more
        end
        at = at + (wide and 84 or 24)
      end
      if not over then
        if begun then numbers[1], numbers[2] = first_end, quiet_slices(first_end, others_end, length) end
        head = write(format, unpack(numbers))
      end
    end
    -- The coarsest grain that is refused closes everything finer.
    if over and closes < closed_from then closed_from = closes end
    if last > left then judged[index] = {n, over, grain, life, form, windows, head, marks, member, seen} end
  end

  -- Records each, if it may be, and answers it.
  for index = left, last do
    local key = KEYS[index]
    if last > left then
      n, over, grain, life, form, windows, head, marks, member, seen = unpack(judged[index], 1, 10)
    end
    local recorded = n > 0 and not over and grain < closed_from
    if recorded and look == 0 then
      if member ~= '' then
        local newest = call('ZRANGE', key, -1, -1, 'WITHSCORES')[2]
        local instant = math.max(now, newest or now)
        call('ZREMRANGEBYSCORE', key, '-inf', instant - life)
        if not seen then call('ZREMRANGEBYRANK', key, 0, -distinct_most) end
        call('ZADD', key, instant, member)
        call('PEXPIRE', key, math.ceil((instant + life - now) / 1000) + 1)
      elseif marks then
        call('SET', key, head .. marks, 'PX', life)
      else
        call('SETRANGE', key, '0', head)
      end
    end
    if not head or not (recorded or n == 0) then
      windows[#windows - 1] = recorded and 1 or 0
      head = write(form, unpack(windows))
    end
    answers[index] = head
  end

  -- The next that is.
  repeat last = last + 1 until last > #KEYS or not answers[last]
  left = last
end
return values and answers or answers[1]
)lua";

}  // namespace

std::string_view redis_script() {
  return text;
}

}  // namespace mxwarden::store
