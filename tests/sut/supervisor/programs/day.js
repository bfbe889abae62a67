// As day.c, for node: an event loop, threads of its own for files.
const fs = require("fs"), net = require("net"), crypto = require("crypto");
const rounds = Number(process.argv[2]);
async function main() {
    for (let i = 0; i < rounds; i++) {
        await new Promise((go) => setTimeout(go, 60000));
        const file = await fs.promises.open("/journal", "a");
        await file.write(`${i} ${Date.now()} ${Math.random()} ${crypto.randomBytes(4).toString("hex")} ${process.pid}\n`);
        await file.sync();
        await file.close();
        await new Promise((go, stop) => {
            const line = net.connect(5500, "acquirer.example", () => line.write(`echo ${i}\n`));
            line.on("data", () => { line.destroy(); go(); });
            line.on("error", stop);
        });
    }
    console.log("done");
}
main();
