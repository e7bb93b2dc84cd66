-- Logins of many people: with the right password of BENCH_PEOPLE known ones, or, without them, as somebody else each time.
-- BENCH_PAUSE: the milliseconds that a connection rests between two requests, at the most.
local people, pause = tonumber(os.getenv("BENCH_PEOPLE") or 0), tonumber(os.getenv("BENCH_PAUSE") or 0)
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
    return wrk.format("POST", "/api/v1/auth/login", headers, body)
end

if people == 0 then
    function delay()
        return math.random(0, pause)
    end

    function response(status, headers)
        statuses[status] = (statuses[status] or 0) + 1
        if status == 503 and headers["retry-after"] then
            promised = promised + 1
        end
        told = ("%d refused, %d sent away, %d of them told when to come back, %d otherwise"):format(
            statuses[401] or 0, statuses[503] or 0, promised, at - (statuses[401] or 0) - (statuses[503] or 0))
    end

    function done()
        print("Answers: " .. threads[1]:get("told"))
    end
end
