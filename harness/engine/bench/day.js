// As day.c, for node: day.js ROUNDS SLEEP_S FILE IP PORT.
const fs = require("fs"), net = require("net");
const [rounds, sleepS, path, ip, port] = [+process.argv[2], +process.argv[3], process.argv[4], process.argv[5], +process.argv[6]];
async function day() {
    for (let number = 0; number < rounds; number++) {
        if (sleepS) await new Promise((go) => setTimeout(go, sleepS * 1000));
        const file = await fs.promises.open(path, "a");
        await file.write(String(number).padStart(6, "0").padEnd(127) + "\n");
        await file.sync();
        await file.close();
        await new Promise((go, stop) => {
            let left = 64;
            const line = net.connect(port, ip, () => line.write("\0\x3e" + String(number).padStart(62, "0")));
            line.on("data", (data) => { if (!(left -= data.length)) { line.destroy(); go(); } });
            line.on("error", stop);
        });
    }
}
day();
