-- Logins of many people: with the right password of BENCH_PEOPLE known ones, or, without them, as somebody else each time.
-- BENCH_ADDRESSES: they come from so many client addresses, as a proxy names them.
-- BENCH_PAUSE: the milliseconds that a connection rests between two requests, at the most.
local people, pause = tonumber(os.getenv("BENCH_PEOPLE") or 0), tonumber(os.getenv("BENCH_PAUSE") or 0)
local addresses = tonumber(os.getenv("BENCH_ADDRESSES") or 0)
local headers, at, run = { ["Content-Type"] = "application/json" }, 0, os.time()
local statuses, promised = {}, 0
local threads = {}

function setup(thread)
    threads[#threads + 1] = thread
end

function init()
    math.randomseed(run)
end

function request()
    at = at + 1
    local email = people > 0 and ("person%d@bench.test"):format(at % people) or ("stranger%d-%d@bench.test"):format(run, at)
    local body = ('{"email":"%s","password":"%s"}'):format(email, people > 0 and "correct-horse-battery" or "wrong")
    if addresses > 0 then
        local from = at % addresses
        headers["X-Forwarded-For"] = ("10.%d.%d.%d"):format(2 + math.floor(from / 65536), math.floor(from / 256) % 256, from % 256)
    end
    return wrk.format("POST", "/api/v1/auth/login", headers, body)
end

if people == 0 then
    function delay()
        return math.random(0, pause)
    end

    function response(status, headers)
        statuses[status] = (statuses[status] or 0) + 1
        if (status == 503 or status == 429) and headers["retry-after"] then
            promised = promised + 1
        end
        local away = (statuses[503] or 0) + (statuses[429] or 0)
        told = ("%d refused, %d sent away, %d of them told when to come back, %d otherwise"):format(
            statuses[401] or 0, away, promised, at - (statuses[401] or 0) - away)
    end

    function done()
        print("Answers: " .. threads[1]:get("told"))
    end
end
