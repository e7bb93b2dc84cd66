-- Chains of refresh tokens: each line of BENCH_TOKENS begins one, and each answer's token goes on with it. There are more
-- chains than connections, so that none is asked twice at once.
local tokens, first, last = {}, 1, 0
local headers = { ["Content-Type"] = "application/json" }

local function keep(token)
    last = last + 1
    tokens[last] = token
end

function init()
    for line in io.lines(os.getenv("BENCH_TOKENS")) do
        keep(line)
    end
end

function request()
    local token = tokens[first]
    tokens[first] = nil
    first = first + 1
    return wrk.format("POST", "/api/v1/auth/refresh", headers, '{"refresh_token":"' .. token .. '"}')
end

function response(_, _, body)
    keep(body:match('"refresh_token":"([^"]+)"'))
end
