-- Creates a client in many accounts: each line of BENCH_REQUESTS begins with a token.
local prepared, at = {}, 0

function init()
    local body = '{"name": "Client", "email": "client@acme.test", "status": "lead"}'
    for line in io.lines(os.getenv("BENCH_REQUESTS")) do
        local headers = { Authorization = "Bearer " .. line:match("^(%S+)"), ["Content-Type"] = "application/json" }
        prepared[#prepared + 1] = wrk.format("POST", "/api/v1/clients", headers, body)
    end
end

function request()
    at = at % #prepared + 1
    return prepared[at]
end
