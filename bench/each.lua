-- One request after the other: each line of BENCH_REQUESTS is a token, a method, a path and a body.
-- A PATCH is of a record that nobody has changed yet.
local prepared, at = {}, 0

function init()
    for line in io.lines(os.getenv("BENCH_REQUESTS")) do
        local token, method, path, body = line:match("^(%S+)\t(%u+)\t(%S+)\t(.*)$")
        local headers = { Authorization = "Bearer " .. token }
        if body ~= "" then
            headers["Content-Type"] = method == "PATCH" and "application/merge-patch+json" or "application/json"
        end
        if method == "PATCH" then
            headers["If-Match"] = '"1"'
        end
        prepared[#prepared + 1] = wrk.format(method, path, headers, body ~= "" and body or nil)
    end
end

function request()
    at = at % #prepared + 1
    return prepared[at]
end
