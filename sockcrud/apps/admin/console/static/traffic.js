export async function show(content) { content.textContent = "soon"; }
