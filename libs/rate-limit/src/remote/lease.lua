-- Takes up to ARGV[2] permits out of the bucket KEYS[1], which gives one each ARGV[1] microseconds and holds ARGV[3].
-- Answers how many, and the microseconds until it is full. All that is kept is the moment when it is full again, by
-- Redis's own clock: those of the gateways do not matter. ARGV[4]: what a gateway knows to be owed, at the least.
local interval, wanted, burst, owed = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local kept = tonumber(redis.call('GET', KEYS[1]) or 0)
local full_at = math.max(kept, now + owed)
local room = math.floor((burst * interval - (full_at - now)) / interval + 0.000001)
local granted = math.max(0, math.min(wanted, room))
full_at = full_at + granted * interval
if full_at > kept and full_at > now then
    redis.call('SET', KEYS[1], string.format('%.0f', full_at), 'PX', math.ceil((full_at - now) / 1000))
end
return { granted, math.ceil(full_at - now) }
