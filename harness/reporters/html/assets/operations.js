// What was done to a disk, and what a power cut made of it, in Chinese: the sentences of harness/storage/profiles/story.py, which
// are built of few words. Paths stay as they are, and a sentence that is not of these shows itself.

const ACTS_ZH = [
  [/^the (append|overwrite) of (\d+) bytes at (\d+) in (.+)$/s, (m) => [say(m[4], "code"), ` 第 ${m[3]} 字节处${m[1] === "append" ? "追加" : "覆写"} ${m[2]} 字节`]],
  [/^the change of mode of (.+)$/s, (m) => ["更改 ", say(m[1], "code"), " 的权限"]],
  [/^the change of (.+) from (\d+) to (\d+) bytes$/s, (m) => [say(m[1], "code"), ` 由 ${m[2]} 字节改为 ${m[3]} 字节`]],
  [/^the (creation|linking|removal) of (.+)$/s, (m) => [{ creation: "创建 ", linking: "链接 ", removal: "删除 " }[m[1]], say(m[2], "code")]],
  [/^the rename of (.+) to (.+)$/s, (m) => ["将 ", say(m[1], "code"), " 改名为 ", say(m[2], "code")]],
  [/^(fsync|fdatasync) of the directory (.+)$/s, (m) => ["对目录 ", say(m[2], "code"), ` 调用 ${m[1]}`]],
  [/^failed fsync of (.+): its pages are dropped$/s, (m) => ["对 ", say(m[1], "code"), " 的 fsync 失败：页已丢弃"]],
  [/^(fsync|fdatasync) of (.+)$/s, (m) => ["对 ", say(m[2], "code"), ` 调用 ${m[1]}`]],
  [/^sync of the whole volume$/, () => ["对整个卷调用 sync"]],
];
const FATES_ZH = [
  ["the old name is gone", "旧名已消失"], ["the new name is there", "新名已存在"], ["the replaced name is gone", "被替换的名称已消失"],
  ["the old content is freed", "旧内容已释放"], ["its space belongs to nobody", "其空间无人所有"], ["no step landed", "没有一步落盘"],
  ["kept below the old end", "仅旧结尾之前保留"], ["as stale bytes", "为陈旧数据"], ["as zeros", "为零"], ["kept", "保留"], ["lost", "丢失"], ["in part", "部分落盘"],
];

// `text` may stand behind the name of a volume; elsewhere than in Chinese it is said as it is.
function operation(text) {
  const zh = state.language === "zh" && operationZh(String(text));
  return zh ? el("bdi", { class: "said", dir: "auto" }, zh) : say(text);
}

function operationZh(text) {
  const torn = /^(.*) was torn: (.*)$/s.exec(text);
  const lost = !torn && /^(.*) was lost$/s.exec(text);
  const act = torn ? torn[1] : lost ? lost[1] : text;
  for (const [pattern, tell] of ACTS_ZH) {
    const found = pattern.exec(act);
    if (found) return [tell(found), lost ? "：丢失" : torn ? ["：撕裂（", tornZh(torn[2]), "）"] : null];
  }
  return null;
}

function tornZh(parts) {
  let told = parts.replace(/\bsectors? (\d+(?:-\d+)?) /g, "扇区 $1 ").replace(/the size stopped at (\d+)/, "大小停在 $1").replace(/bytes (\d+) to (\d+) /, "第 $1 至 $2 字节");
  for (const [english, chinese] of FATES_ZH) told = told.replaceAll(english, chinese);
  return told.replaceAll(", ", "，");
}
