-- Requests of many accounts: each line of BENCH_REQUESTS is a token and the id of a client of the same account.
local prepared, at = {}, 0
local path = os.getenv("BENCH_PATH")

function init()
    math.randomseed(os.time())
    for line in io.lines(os.getenv("BENCH_REQUESTS")) do
        local token, id = line:match("^(%S+) (%S+)$")
        local whole = path:sub(-1) == "/" and path .. id or path
        prepared[#prepared + 1] = wrk.format("GET", whole, { Authorization = "Bearer " .. token })
    end
    at = math.random(#prepared)
end

function request()
    at = at % #prepared + 1
    return prepared[at]
end
